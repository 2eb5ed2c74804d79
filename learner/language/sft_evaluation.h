// How good a language model is on examples it never learns from.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "learner/language/packed_examples.h"
#include "learner/language/sft_data.h"
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
};

// Greedy completions by the CPU generator. An example that was cut off, or whose answer does not
// fit into max_new_tokens, has no known right answer within reach and is passed over.
std::vector<Answer> answer_examples(const language::ModelConfig& config,
                                    const language::ModelWeights& weights, const ModelText& text,
                                    const std::vector<language::TrainingExample>& examples,
                                    const AnswerOptions& options);

}  // namespace rl
