#include "rl/algorithms/dqn.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/huber_loss.h>

#include <limits>

namespace rl {

at::Tensor dqn_targets(const DqnBatch& batch, const at::Tensor& next_target_values,
                       const at::Tensor& next_selector_values, const at::Tensor& mask) {
  const at::NoGradGuard no_gradients;
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  const at::Tensor allowed = mask.defined()
                                 ? next_selector_values.masked_fill(mask.logical_not(), kLowest)
                                 : next_selector_values;
  const at::Tensor best = allowed.argmax(1, /*keepdim=*/true);
  const at::Tensor next_values = next_target_values.gather(1, best).squeeze(1);
  return batch.rewards + batch.discounts * next_values;
}

DqnLoss dqn_loss(const DqnBatch& batch, const at::Tensor& values, const at::Tensor& targets) {
  const at::Tensor chosen = values.gather(1, batch.actions.unsqueeze(1)).squeeze(1);
  const at::Tensor losses = at::huber_loss(chosen, targets, at::Reduction::None, /*delta=*/1.0);
  return {.total = (batch.weights * losses).mean(),
          .td_errors = (targets - chosen).detach(),
          .chosen = chosen.detach()};
}

at::Tensor importance_weights(const at::Tensor& probabilities, double num_items, double beta) {
  const at::Tensor weights = (num_items * probabilities).pow(-beta);
  return weights / weights.max();
}

}  // namespace rl
