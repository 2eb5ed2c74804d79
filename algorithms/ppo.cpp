#include "rl/algorithms/ppo.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include <limits>

#include "rl/core/error.h"

namespace rl {
namespace {

void require_length(const char* name, const at::Tensor& tensor, std::int64_t expected) {
  if (tensor.dim() == 1 && tensor.size(0) == expected) return;
  throw Error({.where = "ppo_loss", .what = std::string(name) + " has the wrong shape",
               .expected = "[" + std::to_string(expected) + "]",
               .got = std::to_string(tensor.dim()) + " dimensions, " +
                      std::to_string(tensor.numel()) + " elements"});
}

void check_shapes(const PpoOptions& options, const PpoBatch& batch,
                  const PpoEvaluation& evaluation) {
  const std::int64_t steps = batch.log_probs.numel();
  require_length("batch.log_probs", batch.log_probs, steps);
  require_length("batch.advantages", batch.advantages, steps);
  require_length("batch.returns", batch.returns, steps);
  if (options.value_clip > 0.0) require_length("batch.values", batch.values, steps);
  require_length("evaluation.log_probs", evaluation.log_probs, steps);
  require_length("evaluation.entropy", evaluation.entropy, steps);
  require_length("evaluation.values", evaluation.values, steps);
}

}  // namespace

PpoLoss ppo_loss(const PpoOptions& options, const PpoBatch& batch,
                 const PpoEvaluation& evaluation) {
  check_shapes(options, batch, evaluation);
  PpoLoss loss;
  const at::Tensor log_ratio = evaluation.log_probs - batch.log_probs;
  const at::Tensor ratio = log_ratio.exp();
  const at::Tensor advantages = options.normalise_advantages
                                    ? normalised_advantages(batch.advantages)
                                    : batch.advantages;

  const at::Tensor surrogate = ratio * advantages;
  const at::Tensor clipped = ratio.clamp(1.0 - options.clip, 1.0 + options.clip) * advantages;
  loss.policy = -at::minimum(surrogate, clipped).mean();
  loss.value = 0.5 * value_errors(evaluation.values, batch.values, batch.returns,
                                  options.value_clip).mean();
  loss.entropy = evaluation.entropy.mean();
  loss.total = loss.policy - options.entropy_coefficient * loss.entropy +
               options.value_coefficient * loss.value;

  const at::NoGradGuard no_gradients;
  const at::Tensor excess = ratio - 1.0;
  loss.approximate_kl = (excess - log_ratio).mean();
  loss.clip_fraction = excess.abs().gt(options.clip).to(at::kFloat).mean();
  return loss;
}

at::Tensor value_errors(const at::Tensor& values, const at::Tensor& old_values,
                        const at::Tensor& returns, double clip) {
  const at::Tensor unclipped = (values - returns).square();
  if (clip <= 0.0) return unclipped;
  const at::Tensor clipped = old_values + (values - old_values).clamp(-clip, clip);
  return at::maximum(unclipped, (clipped - returns).square());
}

at::Tensor normalised_advantages(const at::Tensor& advantages) {
  const at::Tensor centred = advantages - advantages.mean();
  if (advantages.numel() < 2) return centred;
  return centred / (advantages.std() + 1e-8);
}

double explained_variance(const at::Tensor& values, const at::Tensor& returns) {
  const double total = returns.var(/*unbiased=*/false).item<double>();
  if (total == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return 1.0 - (returns - values).var(/*unbiased=*/false).item<double>() / total;
}

}  // namespace rl
