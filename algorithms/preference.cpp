#include "rl/algorithms/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_sigmoid.h>

#include <string>

#include "rl/core/error.h"

namespace rl {
namespace {

void require_length(const char* loss, const char* name, const at::Tensor& tensor,
                    std::int64_t pairs) {
  if (tensor.defined() && tensor.dim() == 1 && tensor.size(0) == pairs) return;
  throw Error({.where = loss, .what = std::string(name) + " has the wrong shape",
               .expected = "[" + std::to_string(pairs) + "], a number per pair",
               .got = tensor.defined() ? std::to_string(tensor.dim()) + " dimensions, " +
                                             std::to_string(tensor.numel()) + " elements"
                                       : "nothing"});
}

PairLoss make_loss(const at::Tensor& losses, const at::Tensor& chosen, const at::Tensor& rejected,
                   double divisor) {
  PairLoss loss;
  loss.total = losses.sum() / divisor;
  const at::NoGradGuard no_gradients;
  loss.correct = chosen.gt(rejected).sum().to(losses.scalar_type());
  loss.chosen_reward = chosen.detach().sum();
  loss.rejected_reward = rejected.detach().sum();
  loss.margin = loss.chosen_reward - loss.rejected_reward;
  return loss;
}

}  // namespace

PairLoss reward_model_loss(const RewardModelOptions& options, const RewardPairs& pairs,
                           double divisor) {
  constexpr const char* kName = "reward_model_loss";
  require_length(kName, "chosen", pairs.chosen, pairs.chosen.numel());
  require_length(kName, "rejected", pairs.rejected, pairs.chosen.numel());
  at::Tensor difference = pairs.chosen - pairs.rejected;
  if (pairs.margins.defined()) {
    require_length(kName, "margins", pairs.margins, pairs.chosen.numel());
    difference = difference - pairs.margins;
  }
  at::Tensor losses = -at::log_sigmoid(difference);
  if (options.center_coefficient > 0.0) {
    losses = losses + options.center_coefficient * (pairs.chosen + pairs.rejected).square();
  }
  return make_loss(losses, pairs.chosen, pairs.rejected, divisor);
}

PairLoss dpo_loss(const DpoOptions& options, const LogProbPairs& pairs, double divisor) {
  constexpr const char* kName = "dpo_loss";
  const std::int64_t count = pairs.chosen.numel();
  require_length(kName, "chosen", pairs.chosen, count);
  require_length(kName, "rejected", pairs.rejected, count);
  require_length(kName, "reference_chosen", pairs.reference_chosen, count);
  require_length(kName, "reference_rejected", pairs.reference_rejected, count);
  at::Tensor chosen = pairs.chosen - pairs.reference_chosen;
  at::Tensor rejected = pairs.rejected - pairs.reference_rejected;

  at::Tensor losses;
  if (options.form == DpoForm::ipo) {
    require_length(kName, "chosen_tokens", pairs.chosen_tokens, count);
    require_length(kName, "rejected_tokens", pairs.rejected_tokens, count);
    chosen = chosen / pairs.chosen_tokens;
    rejected = rejected / pairs.rejected_tokens;
    losses = (chosen - rejected - 1.0 / (2.0 * options.beta)).square();
  } else {
    const at::Tensor difference = options.beta * (chosen - rejected);
    losses = -(1.0 - options.label_smoothing) * at::log_sigmoid(difference);
    if (options.label_smoothing > 0.0) {
      losses = losses - options.label_smoothing * at::log_sigmoid(-difference);
    }
  }
  return make_loss(losses, options.beta * chosen, options.beta * rejected, divisor);
}

}  // namespace rl
