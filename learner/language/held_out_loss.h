// How likely a language model finds examples that it never learns from.
#pragma once

#include <cstddef>
#include <limits>

#include "learner/language/packed_examples.h"
#include "rl/language/model_weights.h"

namespace rl {

struct HeldOutLoss {
  double loss = std::numeric_limits<double>::quiet_NaN();      // mean over loss tokens
  double accuracy = std::numeric_limits<double>::quiet_NaN();  // of the likeliest next token
  std::size_t loss_tokens = 0;
};

// `weights` are the model's own, as snapshot() gives them. Threads: the model's.
HeldOutLoss held_out_loss(LanguageModel& model, const language::ModelWeights& weights,
                          const Examples& examples, std::size_t micro_batch_tokens);

}  // namespace rl
