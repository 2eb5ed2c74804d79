// The loss of deep Q-learning (Mnih et al. 2015; van Hasselt et al. 2016).
#pragma once

#include <ATen/core/Tensor.h>

namespace rl {

// A batch of N transitions of n steps each; constants of the loss.
struct DqnBatch {
  at::Tensor actions;    // i64 [N]
  at::Tensor rewards;    // [N] discounted sum of the n rewards
  at::Tensor discounts;  // [N] discount^n, or 0 when the episode terminated within the n steps
  at::Tensor weights;    // [N] importance weights; ones without prioritised replay
};

struct DqnLoss {
  at::Tensor total;      // [] weighted mean of the Huber losses
  at::Tensor td_errors;  // [N] target - Q(s, a), without gradient
  at::Tensor chosen;     // [N] Q(s, a), without gradient
};

// y = r + discount Q_target(s', argmax_a selector(s', a)), without gradient. `selector` is the
// online network's values for double Q-learning, the target network's for the original. `mask`
// (bool [N, actions], or undefined) leaves forbidden actions out of the choice.
// Threads: any; pure functions.
at::Tensor dqn_targets(const DqnBatch& batch, const at::Tensor& next_target_values /* [N, A] */,
                       const at::Tensor& next_selector_values /* [N, A] */,
                       const at::Tensor& mask);

// mean over steps of weight * huber(y - Q(s, a)), huber(x) = x^2/2 within +-1, |x| - 1/2 beyond.
// Gradients flow into `values` alone.
DqnLoss dqn_loss(const DqnBatch& batch, const at::Tensor& values /* [N, A] */,
                 const at::Tensor& targets /* [N] */);

// (num_items probability)^-beta, divided by the batch's greatest (Schaul et al. 2016, section 3.4).
at::Tensor importance_weights(const at::Tensor& probabilities /* [N] */, double num_items,
                              double beta);

}  // namespace rl
