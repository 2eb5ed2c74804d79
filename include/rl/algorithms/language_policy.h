// The policy loss of language models: GRPO and its relatives on one page.
#pragma once

#include <ATen/core/Tensor.h>

#include "rl/algorithms/language_options.h"

namespace rl {

// The learning tokens of a micro-batch, sequence after sequence, [N] each; constants of the loss.
struct LanguagePolicyBatch {
  at::Tensor old_log_probs;        // of the policy before this batch's first update
  at::Tensor sampler_log_probs;    // as sampled; undefined: the old ones
  at::Tensor reference_log_probs;  // undefined: no KL term
  at::Tensor advantages;
  at::Tensor weights;              // token_weights(): the total is a weighted sum
  at::Tensor sequences;            // i64, 0 .. num_sequences - 1, rising; for sequence_clip
  std::int64_t num_sequences = 0;
};

struct LanguagePolicyLoss {
  at::Tensor total;   // [] what is minimised
  at::Tensor policy;  // []
  at::Tensor kl;      // [] of the reference term, before its coefficient; 0 without one
  // Diagnostics over the tokens, without gradient.
  at::Tensor clip_low_fraction;   // [] ratio below its bound where A < 0
  at::Tensor clip_high_fraction;  // [] ratio above its bound where A > 0
  at::Tensor ratio_min, ratio_mean, ratio_max;  // []
  at::Tensor sampler_difference;  // [] mean |old - sampler log-prob|
};

// Pure function of log_probs [N], into which alone gradients flow:
//   d_t = log p - log p_old, within +-20;  r_t = exp(d_t)
//   token_clip     l_t = -min(r_t A_t, clip(r_t, 1 - low, 1 + high) A_t); dual clip where A_t < 0
//   sequence_clip  the same with r = exp(mean of the sequence's d) sg-weighted so that its gradient
//                  reaches every token: exp(sg(mean d) + log p - sg(log p))
//   truncated      l_t = -sg(min(r_t, cap)) A_t log p
// times sg(min(p_old / p_sampler, importance_cap)), plus kl_coefficient KL_t, summed with the
// weights. With d = log p - log p_ref: k1 = d, k2 = d^2 / 2, k3 = exp(-d) - 1 + d (d within +-20,
// k3 within +-10).
// At the first update r = 1: the value is about -mean A, often 0; the gradient is right.
// Throws Error when a length differs. Threads: any.
LanguagePolicyLoss language_policy_loss(const LanguagePolicyOptions& options,
                                        const LanguagePolicyBatch& batch,
                                        const at::Tensor& log_probs);

}  // namespace rl
