#include "rl/algorithms/language_policy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <string>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr double kMostLogRatio = 20.0;
constexpr double kMostKl = 10.0;

void require_length(const char* name, const at::Tensor& tensor, std::int64_t expected) {
  if (!tensor.defined() || (tensor.dim() == 1 && tensor.size(0) == expected)) return;
  throw Error({.where = "language_policy_loss", .what = std::string(name) + " has the wrong shape",
               .expected = "[" + std::to_string(expected) + "]",
               .got = std::to_string(tensor.dim()) + " dimensions, " +
                      std::to_string(tensor.numel()) + " elements"});
}

void check_shapes(const LanguagePolicyBatch& batch, const at::Tensor& log_probs) {
  const std::int64_t tokens = log_probs.numel();
  require_length("log_probs", log_probs, tokens);
  require_length("old_log_probs", batch.old_log_probs, tokens);
  require_length("sampler_log_probs", batch.sampler_log_probs, tokens);
  require_length("reference_log_probs", batch.reference_log_probs, tokens);
  require_length("advantages", batch.advantages, tokens);
  require_length("weights", batch.weights, tokens);
  require_length("sequences", batch.sequences, tokens);
}

// The mean of each sequence's values, at each of its tokens.
at::Tensor sequence_means(const LanguagePolicyBatch& batch, const at::Tensor& values) {
  const auto sums = at::zeros({batch.num_sequences}, values.options())
                        .index_add(0, batch.sequences, values);
  const auto counts = at::zeros({batch.num_sequences}, values.options())
                          .index_add(0, batch.sequences, values.new_ones(values.sizes()));
  return (sums / counts).index_select(0, batch.sequences);
}

at::Tensor log_ratios(const LanguagePolicyOptions& options, const LanguagePolicyBatch& batch,
                      const at::Tensor& log_probs) {
  const at::Tensor difference = log_probs - batch.old_log_probs;
  if (options.ratio != RatioForm::sequence_clip) {
    return difference.clamp(-kMostLogRatio, kMostLogRatio);
  }
  const at::Tensor mean = sequence_means(batch, difference.detach());
  return mean.clamp(-kMostLogRatio, kMostLogRatio) + log_probs - log_probs.detach();
}

at::Tensor clipped_loss(const LanguagePolicyOptions& options, const at::Tensor& ratio,
                        const at::Tensor& advantages) {
  const at::Tensor bounded = ratio.clamp(1.0 - options.clip_low, 1.0 + options.clip_high);
  const at::Tensor loss = -at::minimum(ratio * advantages, bounded * advantages);
  if (options.dual_clip <= 0.0) return loss;
  const at::Tensor most = -options.dual_clip * advantages;
  return at::where(advantages < 0.0, at::minimum(loss, most), loss);
}

at::Tensor kl_terms(KlEstimator estimator, const at::Tensor& log_probs,
                    const at::Tensor& reference) {
  const at::Tensor d = (log_probs - reference).clamp(-kMostLogRatio, kMostLogRatio);
  switch (estimator) {
    case KlEstimator::k1: return d;
    case KlEstimator::k2: return 0.5 * d.square();
    case KlEstimator::k3: break;
  }
  return ((-d).exp() - 1.0 + d).clamp(-kMostKl, kMostKl);
}

void diagnose(const LanguagePolicyOptions& options, const LanguagePolicyBatch& batch,
              const at::Tensor& ratio, LanguagePolicyLoss& loss) {
  const at::NoGradGuard no_gradients;
  const at::Tensor& advantages = batch.advantages;
  const auto share = [](const at::Tensor& flags) { return flags.to(at::kFloat).mean(); };
  loss.clip_low_fraction = share((ratio < 1.0 - options.clip_low).logical_and(advantages < 0.0));
  loss.clip_high_fraction = share((ratio > 1.0 + options.clip_high).logical_and(advantages > 0.0));
  loss.ratio_min = ratio.min();
  loss.ratio_mean = ratio.mean();
  loss.ratio_max = ratio.max();
  loss.sampler_difference = batch.sampler_log_probs.defined()
                                ? (batch.old_log_probs - batch.sampler_log_probs).abs().mean()
                                : at::zeros({}, ratio.options());
}

}  // namespace

LanguagePolicyLoss language_policy_loss(const LanguagePolicyOptions& options,
                                        const LanguagePolicyBatch& batch,
                                        const at::Tensor& log_probs) {
  check_shapes(batch, log_probs);
  LanguagePolicyLoss loss;
  const at::Tensor ratio = log_ratios(options, batch, log_probs).exp();

  at::Tensor terms;
  if (options.ratio == RatioForm::truncated) {
    terms = -ratio.detach().clamp_max(options.truncation_cap) * batch.advantages * log_probs;
  } else {
    terms = clipped_loss(options, ratio, batch.advantages);
  }
  if (options.importance_cap > 0.0 && batch.sampler_log_probs.defined()) {
    const at::Tensor correction = (batch.old_log_probs - batch.sampler_log_probs)
                                      .clamp(-kMostLogRatio, kMostLogRatio)
                                      .exp();
    terms = terms * correction.clamp_max(options.importance_cap);
  }
  loss.policy = (terms * batch.weights).sum();
  loss.total = loss.policy;

  loss.kl = at::zeros({}, log_probs.options());
  if (batch.reference_log_probs.defined()) {
    const at::Tensor kl = kl_terms(options.kl_estimator, log_probs, batch.reference_log_probs);
    loss.kl = (kl * batch.weights).sum();
    if (!options.kl_in_reward && options.kl_coefficient > 0.0) {
      loss.total = loss.policy + options.kl_coefficient * loss.kl;
    }
  }
  diagnose(options, batch, ratio.detach(), loss);
  return loss;
}

}  // namespace rl
