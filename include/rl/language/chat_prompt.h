// Conversations to prompt text, with what a model folder says about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/model_files.h"
#include "rl/text/chat_template.h"

namespace rl::language {

// A folder's chat template with its bos and eos tokens. The text that it gives has its special
// tokens written out: encode it without adding any (Tokenizer::encode(text, false)).
// Threads: immutable after construction; any number of threads at once.
class ChatPrompt {
 public:
  // Throws Error naming `where` when the folder has no chat template or a malformed one.
  // `now_unix_seconds` is what templates read as the present.
  ChatPrompt(const ModelFolder& folder, std::string_view where, std::int64_t now_unix_seconds = 0);

  // Ends with the opening of the assistant's turn. Throws Error with the template's own words.
  std::string text(const std::vector<text::ChatMessage>& messages) const;
  std::string text_of_json(std::string_view messages_json) const;

 private:
  text::ChatTemplate template_;
  text::ChatOptions options_;
};

}  // namespace rl::language
