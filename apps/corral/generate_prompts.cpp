#include "apps/corral/generate_prompts.h"

#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "rl/cli/options.h"
#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "rl/formats/files.h"
#include "rl/language/chat_prompt.h"

namespace rl::app {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;

class PromptReader {
 public:
  PromptReader(const GenerateOptions& options, const language::ModelFolder& model,
               const text::Tokenizer& tokenizer)
      : options_(options), model_(model), tokenizer_(tokenizer) {}

  Prompt plain(const std::string& where, const std::string& text) {
    if (!options_.chat) return {where, text, tokenizer_.encode(text)};
    std::vector<text::ChatMessage> messages;
    if (!options_.system.empty()) messages.push_back({"system", options_.system});
    messages.push_back({"user", text});
    return conversation(where, chat().text(messages));
  }

  Prompt line(const std::string& where, std::string_view text) {
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (!object.is_object()) {
      throw Error({.where = where, .what = "the line is not a JSON object"});
    }
    if (object.contains("prompt") && object["prompt"].is_string()) {
      return plain(where, object["prompt"].get<std::string>());
    }
    if (object.contains("messages") && object["messages"].is_array()) {
      if (!options_.system.empty()) {
        throw Error({.where = where,
                     .what = "--system has no effect on a line with messages",
                     .remedy = "write the system message into the line"});
      }
      return conversation(where, chat().text_of_json(object["messages"].dump()));
    }
    reject(where, object);
  }

 private:
  // The template writes its special tokens itself.
  Prompt conversation(const std::string& where, const std::string& text) {
    return {where, text, tokenizer_.encode(text, false)};
  }

  const language::ChatPrompt& chat() {
    // Templates may write today's date, as they do everywhere else.
    if (!chat_) chat_.emplace(model_, options_.model, std::time(nullptr));
    return *chat_;
  }

  [[noreturn]] static void reject(const std::string& where, const nlohmann::json& object) {
    const std::vector<std::string> known{"prompt", "messages"};
    std::string got;
    std::string remedy;
    for (const auto& [name, value] : object.items()) {
      got += (got.empty() ? "" : ", ") + name;
      const auto near = nearest_names(name, known, 1);
      if (!near.empty() && near[0] != name) remedy = "rename " + name + " to " + near[0];
    }
    throw Error({.where = where,
                 .what = "the line has no prompt",
                 .expected = "\"prompt\": a text, or \"messages\": a list",
                 .got = got.empty() ? "an empty object" : got,
                 .remedy = remedy});
  }

  const GenerateOptions& options_;
  const language::ModelFolder& model_;
  const text::Tokenizer& tokenizer_;
  std::optional<language::ChatPrompt> chat_;
};

}  // namespace

std::vector<Prompt> read_prompts(const GenerateOptions& options,
                                 const language::ModelFolder& model,
                                 const text::Tokenizer& tokenizer) {
  PromptReader reader(options, model, tokenizer);
  if (options.has_prompt) return {reader.plain("--prompt", options.prompt)};
  const Bytes bytes = read_file(options.prompts, kMostBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<Prompt> prompts;
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      prompts.push_back(reader.line(options.prompts + ":" + std::to_string(number), line));
    }
    at = end + 1;
  }
  if (prompts.empty()) {
    throw Error({.where = options.prompts, .what = "the file has no prompts"});
  }
  return prompts;
}

}  // namespace rl::app
