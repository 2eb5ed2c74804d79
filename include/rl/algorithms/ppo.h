// The loss of proximal policy optimisation (Schulman et al. 2017).
#pragma once

#include <ATen/core/Tensor.h>

#include "rl/algorithms/options.h"

namespace rl {

// A minibatch of N steps; constants of the loss.
struct PpoBatch {
  at::Tensor log_probs;   // [N] of the taken actions under the behaviour policy
  at::Tensor advantages;  // [N]
  at::Tensor returns;     // [N] value targets: advantages + values
  at::Tensor values;      // [N] predicted before the update; read when value_clip > 0
};

// The same steps under the parameters being trained.
struct PpoEvaluation {
  at::Tensor log_probs;  // [N]
  at::Tensor entropy;    // [N]
  at::Tensor values;     // [N]
};

struct PpoLoss {
  at::Tensor total;   // [] what is minimised: policy - c_e entropy + c_v value
  at::Tensor policy;  // []
  at::Tensor value;   // [] half the mean squared error
  at::Tensor entropy; // [] mean
  // Diagnostics, without gradient.
  at::Tensor approximate_kl;  // [] mean of (ratio - 1) - log ratio (Schulman 2020, estimator k3)
  at::Tensor clip_fraction;   // [] share of steps whose ratio left [1 - clip, 1 + clip]
};

// Pure function: equation 9 of the paper, with normalised advantages and clipped values as the
// options say. Gradients flow into `evaluation` alone. Every tensor has the same length and a
// floating type; Error when a length differs.
// Threads: any.
PpoLoss ppo_loss(const PpoOptions& options, const PpoBatch& batch,
                 const PpoEvaluation& evaluation);

// (values - returns)^2, or with clip > 0 the larger of that and the same of values that are kept
// within +-clip of `old_values`. Differentiable by `values`; all [N].
at::Tensor value_errors(const at::Tensor& values, const at::Tensor& old_values,
                        const at::Tensor& returns, double clip);

// (advantages - mean) / (standard deviation + 1e-8), the deviation with N - 1; one step alone is
// only centred.
at::Tensor normalised_advantages(const at::Tensor& advantages /* [N] */);

// 1 - Var(returns - values) / Var(returns); NaN when the returns do not vary.
double explained_variance(const at::Tensor& values /* [N] */, const at::Tensor& returns /* [N] */);

}  // namespace rl
