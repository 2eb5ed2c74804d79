// What a fine-tuning run learns from and is measured with.
#pragma once

#include <string>
#include <vector>

#include "rl/language/model_files.h"
#include "rl/language/training_data.h"
#include "rl/learner/sft_options.h"

namespace rl {

// How a model's own files say that text becomes tokens. Threads: immutable after construction.
struct ModelText {
  text::Tokenizer tokenizer;
  std::string chat_template{};             // empty: none
  std::string bos_token{};
  std::string eos_token{};
  text::TokenId eos_id = -1;               // ends a completion
  std::vector<text::TokenId> stop_ids{};   // end a generation; eos_id among them
};

// Throws Error naming `where` when the folder has no tokenizer, or no token that ends a sequence.
ModelText read_model_text(const language::ModelFolder& model, const std::string& where);

struct SftData {
  language::TrainingData training;
  language::TrainingData validation;  // may be empty
  std::string digest{};               // of the tokens and masks learned from, in their order
};

// Throws Error as read_training_data, and when a split leaves nothing to learn from.
SftData read_sft_data(const SftOptions& options, const ModelText& text, std::size_t context);

}  // namespace rl
