// Log-probability and entropy of taken actions under a policy's outputs, for training. The same
// formulas draw and score the actions on the worker (policies/distribution.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace rl {

struct ActionEvaluation {
  at::Tensor log_probs;  // [N]
  at::Tensor entropy;    // [N]
};

// Every function is pure, runs in the type of its inputs and is differentiable by the outputs.
// N steps, E action elements, C_e categories of element e, C their sum. Threads: any.

// Independent categoricals, one per action element (multi-discrete for E > 1): log-softmax per
// element, log-probabilities and entropies summed. `mask` (bool [N, C], or undefined) removes
// categories from the softmax; their gradient is 0.
ActionEvaluation evaluate_categorical(const at::Tensor& logits /* [N, C] */,
                                      const at::Tensor& actions /* i64 [N, E] */,
                                      std::span<const std::int64_t> categories /* [E] */,
                                      const at::Tensor& mask);

// Independent normals: log p = sum of -(a - mean)^2 / (2 std^2) - log_std - log(2 pi)/2.
ActionEvaluation evaluate_gaussian(const at::Tensor& means /* [N, E] */,
                                   const at::Tensor& log_std /* [E] or [N, E] */,
                                   const at::Tensor& actions /* [N, E] */);

struct SquashedRange {
  at::Tensor low;   // f64 [E] bounds of the action
  at::Tensor high;  // f64 [E]
  double log_std_low = -20.0;  // clamp of log_std
  double log_std_high = 2.0;
};

// a = low + (high - low) (tanh(u) + 1) / 2 with u normal. u is found back from the action, y =
// tanh(u) kept within +-(1 - 1e-6), and log p = log N(u) - sum of log(1 - y^2) + log((high -
// low) / 2) (Haarnoja et al. 2018, appendix C). The entropy is that of u: the squashed one has no
// closed form. Outputs hold the means first, then the log_stds.
ActionEvaluation evaluate_squashed_gaussian(const at::Tensor& outputs /* [N, 2 E] */,
                                            const at::Tensor& actions /* [N, E] */,
                                            const SquashedRange& range);

}  // namespace rl
