// How a model's own files say that text becomes tokens.
#pragma once

#include <string>
#include <vector>

#include "rl/language/model_files.h"
#include "rl/text/tokenizer.h"

namespace rl {

// Threads: immutable after construction.
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

}  // namespace rl
