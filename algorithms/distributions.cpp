#include "rl/algorithms/distributions.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <numbers>

namespace rl {
namespace {

constexpr double kForbiddenLogit = -1e9;  // finite: 0 x log 0 stays 0
constexpr double kSquashMargin = 1e-6;
const double kHalfLogTwoPi = 0.5 * std::log(2.0 * std::numbers::pi);

ActionEvaluation evaluate_element(const at::Tensor& logits, const at::Tensor& actions) {
  const at::Tensor log_probs = logits.log_softmax(1);
  return {.log_probs = log_probs.gather(1, actions).squeeze(1),
          .entropy = -(log_probs.exp() * log_probs).sum(1)};
}

}  // namespace

ActionEvaluation evaluate_categorical(const at::Tensor& logits, const at::Tensor& actions,
                                      std::span<const std::int64_t> categories,
                                      const at::Tensor& mask) {
  const at::Tensor allowed =
      mask.defined() ? logits.masked_fill(mask.logical_not(), kForbiddenLogit) : logits;
  if (categories.size() == 1) return evaluate_element(allowed, actions);
  ActionEvaluation total;
  std::int64_t offset = 0;
  for (std::size_t e = 0; e < categories.size(); ++e) {
    const auto element = static_cast<std::int64_t>(e);
    const ActionEvaluation part = evaluate_element(allowed.narrow(1, offset, categories[e]),
                                                   actions.narrow(1, element, 1));
    total.log_probs = e == 0 ? part.log_probs : total.log_probs + part.log_probs;
    total.entropy = e == 0 ? part.entropy : total.entropy + part.entropy;
    offset += categories[e];
  }
  return total;
}

ActionEvaluation evaluate_gaussian(const at::Tensor& means, const at::Tensor& log_std,
                                   const at::Tensor& actions) {
  const at::Tensor scaled = (actions - means) * (-log_std).exp();
  const at::Tensor densities = -0.5 * scaled.square() - log_std - kHalfLogTwoPi;
  const at::Tensor entropies = log_std + (0.5 + kHalfLogTwoPi);
  return {.log_probs = densities.sum(1), .entropy = entropies.expand_as(means).sum(1)};
}

// What depends on the action alone is computed in double: near the bounds tanh is too flat for f32.
ActionEvaluation evaluate_squashed_gaussian(const at::Tensor& outputs, const at::Tensor& actions,
                                            const SquashedRange& range) {
  const std::int64_t elements = actions.size(1);
  const at::Tensor means = outputs.narrow(1, 0, elements);
  const at::Tensor log_std =
      outputs.narrow(1, elements, elements).clamp(range.log_std_low, range.log_std_high);
  const at::Tensor half_width = (range.high - range.low) / 2;
  const at::Tensor squashed = ((actions.to(at::kDouble) - range.low) / half_width - 1)
                                  .clamp(-1 + kSquashMargin, 1 - kSquashMargin);
  ActionEvaluation normal =
      evaluate_gaussian(means, log_std, squashed.atanh().to(outputs.scalar_type()));
  const at::Tensor log_slope = ((1 - squashed) * (1 + squashed) * half_width).log().sum(1);
  normal.log_probs = normal.log_probs - log_slope.to(outputs.scalar_type());
  return normal;
}

}  // namespace rl
