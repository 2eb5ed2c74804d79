// What a language model answers to the prompts of examples.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "learner/language/model_text.h"
#include "rl/language/model_weights.h"
#include "rl/language/training_data.h"

namespace rl {

struct Answer {
  std::string prompt{};
  std::string expected{};
  std::string completion{};
  bool exact = false;  // the expected text, and then a stop token
};

struct AnswerOptions {
  std::size_t most = 0;            // examples answered, the first that can be
  std::size_t max_new_tokens = 0;
  std::size_t threads = 0;
  std::string device = "cpu";      // of the generator; elsewhere it is LibTorch's
  bool to_compare = true;          // false: to be read, however long the expected answer is
};

// Greedy completions. An example that was cut off, or whose answer does not
// fit into max_new_tokens, has no known right answer within reach and is passed over when answers
// are to be compared.
std::vector<Answer> answer_examples(const language::ModelConfig& config,
                                    const language::ModelWeights& weights, const ModelText& text,
                                    const std::vector<language::TrainingExample>& examples,
                                    const AnswerOptions& options);

// {"prompt", "completion", "expected", "exact"}, a line each.
std::string to_lines(std::span<const Answer> answers);

}  // namespace rl
