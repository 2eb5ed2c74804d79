#include "rl/language/chat_prompt.h"

#include "rl/core/error.h"
#include "src/language/json_text.h"

namespace rl::language {
namespace {

const std::string& require_template(const ModelFolder& folder, std::string_view where) {
  if (folder.chat_template.empty()) {
    throw Error({.where = std::string(where),
                 .what = "the model has no chat template",
                 .expected = "chat_template.jinja, or chat_template in tokenizer_config.json",
                 .remedy = "give the whole prompt as plain text"});
  }
  return folder.chat_template;
}

// A token is written as its text, or as an object around it.
std::string token_text(const nlohmann::json& config, const char* key) {
  if (!config.contains(key)) return {};
  const nlohmann::json& token = config[key];
  if (token.is_string()) return token.get<std::string>();
  if (!token.is_object() || !token.contains("content")) return {};
  const nlohmann::json& content = token["content"];
  return content.is_string() ? content.get<std::string>() : std::string();
}

}  // namespace

ChatPrompt::ChatPrompt(const ModelFolder& folder, std::string_view where,
                       std::int64_t now_unix_seconds)
    : template_(require_template(folder, where), std::string(where) + ", chat template") {
  options_.now_unix_seconds = now_unix_seconds;
  if (folder.tokenizer_config_json.empty()) return;
  const nlohmann::json config = parse_json_object(folder.tokenizer_config_json,
                                                  std::string(where) + "/tokenizer_config.json");
  options_.bos_token = token_text(config, "bos_token");
  options_.eos_token = token_text(config, "eos_token");
}

std::string ChatPrompt::text(const std::vector<text::ChatMessage>& messages) const {
  return template_.render(messages, options_);
}

std::string ChatPrompt::text_of_json(std::string_view messages_json) const {
  return template_.render_json(messages_json, options_);
}

}  // namespace rl::language
