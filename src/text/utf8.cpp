#include "src/text/utf8.h"

#include <cstdint>
#include <cstring>

namespace rl::text {
namespace {

bool within(char byte, unsigned char low, unsigned char high) {
  const auto value = static_cast<unsigned char>(byte);
  return value >= low && value <= high;
}

// The shape of a character by its first byte (table 3-7): length, and the second byte's range.
struct Shape {
  std::size_t length = 0;  // 0: no character starts so
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

Shape shape_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};  // no surrogates
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Step utf8_step(std::string_view bytes) {
  const Shape shape = shape_of(bytes[0]);
  if (shape.length == 0) return {1, false, false};
  for (std::size_t i = 1; i < shape.length; ++i) {
    if (i == bytes.size()) return {i, false, true};
    const bool fits =
        i == 1 ? within(bytes[i], shape.low, shape.high) : within(bytes[i], 0x80, 0xBF);
    if (!fits) return {i, false, false};
  }
  return {shape.length, true, false};
}

Character last_character(std::string_view valid) {
  std::size_t start = valid.size() - 1;
  while (start > 0 && within(valid[start], 0x80, 0xBF)) --start;
  return first_character(valid.substr(start));
}

bool is_ascii(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, 8);
    if (eight & 0x8080808080808080U) return false;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0x80) return false;
  }
  return true;
}

std::size_t valid_prefix(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (at + 32 <= bytes.size() && is_ascii(bytes.substr(at, 32))) {
      at += 32;
      continue;
    }
    const Utf8Step step = utf8_step(bytes.substr(at));
    if (!step.valid) return at;
    at += step.length;
  }
  return at;
}

std::string replace_invalid(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t valid = valid_prefix(bytes);
    text.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    text.append(kReplacementCharacter);
    bytes.remove_prefix(utf8_step(bytes).length);
  }
  return text;
}

void append_utf8(std::string& text, char32_t code) {
  const auto tail = [&text, code](int shift) {
    text.push_back(static_cast<char>(0x80 | (code >> shift & 0x3F)));
  };
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text.push_back(static_cast<char>(0xC0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | code >> 12));
    tail(6), tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | code >> 18));
    tail(12), tail(6), tail(0);
  }
}

}  // namespace rl::text
