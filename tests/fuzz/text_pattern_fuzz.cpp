// A pattern, a NUL, a text: refused, or whether it occurs, within the limits.
#include "fuzz/target.h"
#include "rl/text/text_pattern.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(text_pattern) {
  const std::string_view whole = as_text(input);
  const std::size_t split = std::min(whole.find('\0'), whole.size());
  answers([&] {
    const text::TextPattern pattern(whole.substr(0, split));
    (void)pattern.occurs_in(whole.substr(std::min(split + 1, whole.size())));
  });
}
