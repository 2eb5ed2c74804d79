// What `corral generate` continues.
#pragma once

#include <string>
#include <vector>

#include "apps/corral/generate_options.h"
#include "rl/language/model_files.h"
#include "rl/text/tokenizer.h"

namespace rl::app {

struct Prompt {
  std::string where;  // for errors: "prompts.jsonl:3"
  std::string text;
  std::vector<language::TokenId> tokens;
};

// In order. Throws Error naming file and line for what is not a prompt.
std::vector<Prompt> read_prompts(const GenerateOptions& options,
                                 const language::ModelFolder& model,
                                 const text::Tokenizer& tokenizer);

}  // namespace rl::app
