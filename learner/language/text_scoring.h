// Log-probs of sampled tokens under a language model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "learner/language/learning_texts.h"
#include "rl/models/language_model.h"

namespace rl {

using Texts = std::vector<LearningText*>;

// Texts laid end to end, each without its last token, which nothing follows. Only rows whose next
// token was sampled have a target.
struct PackedTexts {
  PackedTokens tokens{};
  at::Tensor targets{};         // [N] i64, -1: none
  at::Tensor rows{};            // [M] i64, those with a target
};

PackedTexts pack_texts(const Texts& texts, at::Device device);

// In order, in parts of at most `budget` tokens (a longer text stands alone).
std::vector<Texts> split_texts(const Texts& texts, std::size_t budget);

// Log-probs of the sampled tokens of each text, without gradients. Threads: the model's.
std::vector<std::vector<float>> score_texts(LanguageModel& model, const Texts& texts,
                                            double temperature, std::size_t budget);

}  // namespace rl
