// The rules behind the built-in verifiers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rl::language {

std::string_view without_outer_space(std::string_view text);

// The number behind the first "####", else the last number of the text, in one spelling:
// "1,234.50" and "$1234.5" are "1234.5". Nothing when there is no number.
std::optional<std::string> number_in(std::string_view text);
bool is_marked(std::string_view text);  // has a "####"

}  // namespace rl::language
