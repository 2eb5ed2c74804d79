#include <algorithm>
#include <numeric>

#include "rl/core/error.h"
#include "rl/language/training_data.h"
#include "src/language/data/example_line.h"

namespace rl::language {
namespace {

using Json = ExampleJson;
using text::TokenId;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    refuse("the key '" + std::string(key) + "' is missing",
           "the keys prompt and completion, or messages", keys_of(object));
  }
  if (!found->is_string()) {
    refuse("'" + std::string(key) + "' is not a text", "a string", found->type_name(),
           "conversations belong into \"messages\"");
  }
  return found->get<std::string>();
}

bool starts_with(const std::vector<TokenId>& tokens, const std::vector<TokenId>& prefix) {
  return prefix.size() <= tokens.size() &&
         std::equal(prefix.begin(), prefix.end(), tokens.begin());
}

void append(std::vector<TokenId>& tokens, const std::vector<TokenId>& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
}

void check_message(const Json& message, std::size_t number) {
  if (role_of(message).empty()) {
    refuse("message " + std::to_string(number) + " has no role",
           R"({"role": "user", "content": "..."})");
  }
  const auto content = message.find("content");
  const bool silent = content == message.end() || content->is_null() ||
                      (content->is_string() && content->get_ref<const std::string&>().empty());
  if (role_of(message) == "assistant" && silent && !message.contains("tool_calls")) {
    refuse("the assistant says nothing in message " + std::to_string(number), "content");
  }
}

}  // namespace

struct ExampleEncoder::Conversation {
  Json messages;
  std::string tools{};
  std::size_t context = 0;

  bool assistant(std::size_t index) const { return role_of(messages[index]) == "assistant"; }
};

std::size_t TrainingExample::loss_tokens() const {
  return std::accumulate(loss.begin(), loss.end(), std::size_t{0});
}

ExampleEncoder::ExampleEncoder(Parts parts, const DataOptions& options)
    : parts_(std::move(parts)), options_(options) {
  if (!parts_.tokenizer) {
    throw Error({.where = "ExampleEncoder", .what = "there is no tokenizer",
                 .remedy = "the model's folder needs a tokenizer.json"});
  }
  const auto size = static_cast<TokenId>(parts_.tokenizer->vocabulary_size());
  if (parts_.eos_id < 0 || parts_.eos_id >= size) {
    throw Error({.where = "ExampleEncoder", .what = "no token ends a sequence",
                 .expected = "an EOS id from 0 to " + std::to_string(size - 1),
                 .got = std::to_string(parts_.eos_id),
                 .remedy = "set eos_token_id in the model's config.json"});
  }
  if (options_.max_tokens < 2) {
    throw Error({.where = "ExampleEncoder", .what = "sequences are too short to learn from",
                 .expected = "at least 2 tokens", .got = std::to_string(options_.max_tokens)});
  }
}

std::optional<TrainingExample> ExampleEncoder::encode(std::string_view line) const {
  const Json object = parse_example(line);
  TrainingExample example;
  if (object.contains("messages")) {
    const std::string tools = object.contains("tools") ? object["tools"].dump() : "";
    example = encode_messages(object["messages"].dump(), tools);
  } else {
    example = encode_completion(text_of(object, "prompt"), text_of(object, "completion"));
  }
  if (options_.loss_on_all) std::ranges::fill(example.loss, std::uint8_t{1});
  example.loss[0] = 0;  // nothing predicts it
  if (!fit(example)) return std::nullopt;
  return example;
}

TrainingExample ExampleEncoder::encode_completion(const std::string& prompt,
                                                  const std::string& completion) const {
  if (completion.empty()) {
    refuse("the completion is empty", "a text to learn", "",
           "remove the line: all it could teach is to say nothing");
  }
  TrainingExample example;
  example.tokens = parts_.tokenizer->encode(prompt, true);
  example.answer_begin = example.tokens.size();
  append(example.tokens, parts_.tokenizer->encode(completion, false));
  example.tokens.push_back(parts_.eos_id);
  example.answer_end = example.tokens.size();
  example.loss.assign(example.tokens.size(), 0);
  std::fill(example.loss.begin() + static_cast<std::ptrdiff_t>(example.answer_begin),
            example.loss.end(), std::uint8_t{1});
  return example;
}

std::vector<TokenId> ExampleEncoder::encode_turns(const Conversation& conversation,
                                                  std::size_t count, bool open_turn) const {
  Json messages = conversation.messages;
  while (messages.size() > count) messages.erase(messages.size() - 1);
  const std::string rendered = parts_.chat_template->render_json(
      messages.dump(), {.add_generation_prompt = open_turn, .bos_token = parts_.bos_token,
                        .eos_token = parts_.eos_token, .tools_json = conversation.tools});
  return parts_.tokenizer->encode(rendered, false);
}

TrainingExample ExampleEncoder::encode_messages(const std::string& messages_json,
                                                const std::string& tools_json,
                                                std::size_t context) const {
  return encode_chat({Json::parse(messages_json), tools_json, context});
}

TrainingExample ExampleEncoder::encode_chat(const Conversation& conversation) const {
  const Json& messages = conversation.messages;
  if (!messages.is_array() || messages.empty()) {
    refuse("'messages' holds no messages", "a list of at least one", messages.type_name());
  }
  for (std::size_t i = 0; i < messages.size(); ++i) check_message(messages[i], i + 1);
  if (!parts_.chat_template) {
    refuse("a conversation needs a chat template", "chat_template.jinja in the model's folder", "",
           "use prompt and completion, or a model with a template");
  }
  TrainingExample example;
  example.tokens = encode_turns(conversation, messages.size(), false);
  example.loss.assign(example.tokens.size(), 0);
  for (std::size_t i = conversation.context; i < messages.size(); ++i) {
    if (!conversation.assistant(i)) continue;
    const std::vector<TokenId> opened = encode_turns(conversation, i, true);
    const std::vector<TokenId> turn = encode_turns(conversation, i + 1, false);
    if (!starts_with(turn, opened) || !starts_with(example.tokens, turn)) {
      refuse("the tokens of message " + std::to_string(i + 1) +
                 " cannot be told from those around it",
             "a template whose text only grows with every message", "",
             "end the conversation at its first assistant message, one line per answer");
    }
    std::size_t end = turn.size();
    while (end > opened.size() && !stops(turn[end - 1])) --end;
    const bool stopped = end > opened.size();
    if (!stopped) end = turn.size();
    if (!stopped && i + 1 == messages.size()) {
      example.tokens.resize(end);
      example.tokens.push_back(parts_.eos_id);
      example.loss.resize(++end, 0);
    }
    std::fill(example.loss.begin() + static_cast<std::ptrdiff_t>(opened.size()),
              example.loss.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{1});
    example.answer_begin = opened.size();
    example.answer_end = end;
  }
  if (example.answer_end == 0) refuse("nothing to learn", "a message of the assistant");
  return example;
}

bool ExampleEncoder::stops(TokenId id) const {
  return id == parts_.eos_id || std::ranges::find(parts_.stop_ids, id) != parts_.stop_ids.end();
}

bool ExampleEncoder::fit(TrainingExample& example) const {
  const std::size_t most = options_.max_tokens;
  if (example.tokens.size() <= most) return true;
  if (options_.too_long == TooLong::skip) return false;
  if (options_.too_long == TooLong::error) {
    refuse("the sequence is too long", "at most " + std::to_string(most) + " tokens",
           std::to_string(example.tokens.size()), "shorten it, or let it be truncated or skipped");
  }
  example.tokens.resize(most);
  example.loss.resize(most);
  example.answer_begin = std::min(example.answer_begin, most);
  example.answer_end = std::min(example.answer_end, most);
  example.truncated = true;
  return example.loss_tokens() > 0;
}

}  // namespace rl::language
