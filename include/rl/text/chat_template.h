// Conversations to prompt text, by the Jinja template that a model comes with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rl::text {

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "tool"
  std::string content;
};

struct ChatOptions {
  bool add_generation_prompt = true;  // end with the opening of the assistant's turn
  std::string bos_token{};
  std::string eos_token{};
  std::string tools_json{};      // JSON array of tool descriptions; empty: none
  std::string variables_json{};  // JSON object of further template variables; empty: none
  // strftime_now() gives this moment (seconds since 1970, UTC): a template never reads the clock.
  std::int64_t now_unix_seconds = 0;
};

// The subset of Jinja2 that chat templates use (docs/chat-templates.md lists it), with the settings
// of transformers.apply_chat_template: trim_blocks, lstrip_blocks, loop controls, tojson without
// ASCII escapes, raise_exception, strftime_now, {% generation %}.
// A template cannot read files, reach the clock, or run for ever: rendering stops with an Error
// after kMaxSteps evaluation steps, kMaxOutputBytes of text or kMaxDepth nested calls.
// Threads: immutable after construction; any number of threads at once.
class ChatTemplate {
 public:
  static constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxSteps = 10'000'000;
  static constexpr std::size_t kMaxOutputBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMaxDepth = 200;

  // Throws Error naming `where`, the line and what was expected.
  ChatTemplate(std::string source, std::string_view where);

  // Throws Error with the template's own words (raise_exception), or naming the line.
  std::string render(const std::vector<ChatMessage>& messages, const ChatOptions& options) const;
  // Messages as a JSON array of objects: everything a template can read (tool calls, content
  // parts, reasoning). Throws Error also for malformed JSON.
  std::string render_json(std::string_view messages_json, const ChatOptions& options) const;

 private:
  struct Program;
  std::shared_ptr<const Program> program_;
};

}  // namespace rl::text
