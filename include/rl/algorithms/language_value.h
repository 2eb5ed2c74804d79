// The loss of a critic of texts: PPO's, token by token.
#pragma once

#include <ATen/core/Tensor.h>

namespace rl {

// The sampled tokens of a micro-batch, [N] each; constants of the loss.
struct LanguageValueBatch {
  at::Tensor old_values;  // before this batch's first update; read when clip > 0
  at::Tensor returns;
  at::Tensor weights;     // token_weights(): the total is a weighted sum
};

struct LanguageValueLoss {
  at::Tensor total;          // [] what is minimised
  at::Tensor clip_fraction;  // [] share of tokens whose clipped error is the larger; no gradient
};

// Pure function of values [N], into which alone gradients flow:
//   l_t = max((V_t - G_t)^2, (V_old,t + clip(V_t - V_old,t, -clip, clip) - G_t)^2) / 2
// without the second part when clip is 0, summed with the weights. Throws Error when a length
// differs. Threads: any.
LanguageValueLoss language_value_loss(double clip, const LanguageValueBatch& batch,
                                      const at::Tensor& values);

}  // namespace rl
