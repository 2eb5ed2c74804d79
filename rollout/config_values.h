// `name = value` lines, taken apart with the name in every message.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <map>
#include <string>
#include <string_view>

namespace rl::rollout {

using ConfigValues = std::map<std::string, std::string>;

[[noreturn]] void refuse_value(const std::string& what, const std::string& expected,
                               const std::string& got);

std::string_view trimmed(std::string_view text);

// Throws Error for a line without "=" or a name that appears twice.
ConfigValues parse_lines(std::string_view text);

// The value of this name, which leaves the map. Throws Error when it is missing.
std::string take_value(ConfigValues& values, const std::string& name);

template <std::integral T>
T parse_number(const std::string& name, std::string_view text, T lowest) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < lowest) {
    refuse_value("'" + name + "' is not a number in range",
                 "at least " + std::to_string(lowest), std::string(text));
  }
  return value;
}

double parse_real(const std::string& name, std::string_view text);  // finite
bool parse_flag(const std::string& name, std::string_view text);    // true or false
std::string real_text(double value);                                // reads back as the same bits

// One line without outer spaces, whatever the text: \n, \r, \t, \\ and \s (an outer space).
std::string escaped(std::string_view text);
std::string unescaped(const std::string& name, std::string_view text);

}  // namespace rl::rollout
