// Examples laid end to end, with the token that every row is to predict.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "rl/language/training_data.h"
#include "rl/models/language_model.h"

namespace rl {

using Examples = std::vector<const language::TrainingExample*>;

Examples pointers(const std::vector<language::TrainingExample>& examples);

struct PackedExamples {
  PackedTokens tokens;
  at::Tensor targets;           // [N] i64: the next token, or -1 where it is not in the loss
  std::size_t loss_tokens = 0;
};

// Throws nothing for an example without loss tokens: its rows have no targets.
// Threads: a pure function.
PackedExamples pack_examples(std::span<const language::TrainingExample* const> examples,
                             at::Device device);

// Examples in order, in parts of at most `budget` tokens (a longer example stands alone).
std::vector<Examples> split_examples(std::span<const language::TrainingExample* const> examples,
                                     std::size_t budget);

}  // namespace rl
