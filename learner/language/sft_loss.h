// The loss of supervised fine-tuning, and its gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>

#include "learner/language/packed_examples.h"

namespace rl {

struct SftLoss {
  at::Tensor value;             // f32 []: - sum of log-probs / loss_tokens, no history
  std::size_t tokens = 0;
  std::size_t loss_tokens = 0;
};

// Sets parameters().gradients() to those of the loss: the mean over all loss tokens of the batch.
// At most `micro_batch_tokens` tokens go through the model at once; since every part is divided by
// the tokens of the whole batch, the split changes nothing but the rounding.
// Threads: the model's.
SftLoss compute_gradients(LanguageModel& model, const Examples& batch,
                          std::size_t micro_batch_tokens);

}  // namespace rl
