// UTF-8 by the rules of Unicode 15, section 3.9.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rl::text {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// What stands at the start of some bytes: a character, or a maximal part of none.
struct Utf8Step {
  std::size_t length = 1;  // bytes, at least 1
  bool valid = false;
  bool cut_off = false;  // not valid, but more bytes might have made it so
};
Utf8Step utf8_step(std::string_view bytes);  // not empty

// The character at the start of valid, non-empty text.
struct Character {
  char32_t code = 0;
  std::size_t length = 1;
};
inline Character first_character(std::string_view valid) {
  const auto byte = [valid](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(valid[i]));
  };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xE0) return {(byte(0) & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (byte(0) < 0xF0) {
    return {(byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  }
  return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
              (byte(3) & 0x3F),
          4};
}
// The character at the end of valid, non-empty text.
Character last_character(std::string_view valid);

bool is_ascii(std::string_view text);
std::size_t valid_prefix(std::string_view bytes);  // length of the valid text at the start
// Each maximal invalid part becomes one U+FFFD.
std::string replace_invalid(std::string_view bytes);
void append_utf8(std::string& text, char32_t code);

}  // namespace rl::text
