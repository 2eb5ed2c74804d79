#include "rl/text/text_pattern.h"

#include <string>

#include "src/text/regex.h"
#include "src/text/utf8.h"

namespace rl::text {

struct TextPattern::Compiled {
  Regex regex;
};

TextPattern::TextPattern(std::string_view pattern)
    : compiled_(std::make_shared<const Compiled>(Compiled{Regex(pattern)})) {}

bool TextPattern::occurs_in(std::string_view text) const {
  const std::string valid = replace_invalid(text);
  return Regex::Search(compiled_->regex, valid).next().has_value();
}

}  // namespace rl::text
