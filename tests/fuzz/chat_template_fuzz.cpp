// A template, a NUL, messages as JSON: refused, or a text, within the limits.
#include "fuzz/target.h"
#include "rl/text/chat_template.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(chat_template) {
  const std::string_view whole = as_text(input);
  const std::size_t split = whole.find('\0');
  const std::string_view messages =
      split == whole.npos ? R"([{"role": "user", "content": "Hi"}])" : whole.substr(split + 1);
  answers([&] {
    const text::ChatTemplate chat(std::string(whole.substr(0, split)), "fuzz");
    const std::string text = chat.render_json(messages, {});
    require(text.size() <= text::ChatTemplate::kMaxOutputBytes, "a text within its limit");
  });
}
