#include "rl/cli/numbers.h"

#include <array>
#include <charconv>
#include <cmath>

namespace rl::cli {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Underscores may stand between two digits only.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) &&
                         is_digit(text[i + 1]);
    if (!between) return std::nullopt;
  }
  return digits;
}

template <class T>
std::optional<T> parse_whole(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  const std::optional<std::string> plain = without_underscores(text);
  if (!plain) return std::nullopt;
  const std::optional<double> value = parse_whole<double>(*plain);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const std::optional<std::string> plain = without_underscores(text);
  if (!plain) return std::nullopt;
  if (const auto exact = parse_whole<std::uint64_t>(*plain)) return exact;
  const std::optional<double> value = parse_number(text);
  constexpr double kExactLimit = 9007199254740992.0;  // 2^53: above it, doubles skip numbers
  if (!value || *value < 0 || *value > kExactLimit || *value != std::floor(*value)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*value);
}

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const double size = std::abs(value);
  const bool everyday = value == 0.0 || (size >= 1e-4 && size < 1e15);
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    everyday ? std::chars_format::fixed
                                             : std::chars_format::scientific);
  std::string text(buffer.data(), result.ptr);
  const std::size_t exponent = text.find("e-0");
  if (exponent != std::string::npos) text.erase(exponent + 2, 1);
  return text;
}

std::string group_digits(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

}  // namespace rl::cli
