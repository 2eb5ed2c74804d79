// libFuzzer entry: the input is a template, a NUL, and messages as JSON. Whatever they are, rendering
// ends with text or an Error.
//
//   clang++ -std=c++20 -fsanitize=fuzzer,address -Iinclude -I. tests/fuzz/chat_template_fuzz.cpp
//       src/text/chat_template.cpp src/text/jinja_*.cpp src/core/error.cpp src/core/suggest.cpp -lutf8proc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rl/core/error.h"
#include "rl/text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  const std::string_view messages =
      split == input.npos ? R"([{"role": "user", "content": "Hi"}])" : input.substr(split + 1);
  try {
    const rl::text::ChatTemplate chat(std::string(input.substr(0, split)), "fuzz");
    (void)chat.render_json(messages, {});
  } catch (const rl::Error&) {
    // An answer as good as text.
  }
  return 0;
}
