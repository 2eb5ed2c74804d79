#include "src/text/byte_level.h"

#include "src/text/utf8.h"

namespace rl::text {
namespace {

constexpr std::size_t kEnd = 256 + 256;  // above every code point that stands for a byte

std::array<char32_t, 256> make_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
                           (byte >= 0xAE);
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}

std::array<std::string, 256> make_texts() {
  std::array<std::string, 256> texts;
  for (std::size_t byte = 0; byte < 256; ++byte) append_utf8(texts[byte], byte_characters()[byte]);
  return texts;
}

std::array<int, kEnd> make_bytes() {
  std::array<int, kEnd> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    bytes[byte_characters()[static_cast<std::size_t>(byte)]] = byte;
  }
  return bytes;
}

}  // namespace

const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> characters = make_characters();
  return characters;
}

const std::array<std::string, 256>& byte_texts() {
  static const std::array<std::string, 256> texts = make_texts();
  return texts;
}

std::string bytes_to_characters(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) text += byte_texts()[static_cast<unsigned char>(byte)];
  return text;
}

std::optional<std::string> characters_to_bytes(std::string_view text) {
  static const std::array<int, kEnd> bytes = make_bytes();
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.code >= kEnd || bytes[character.code] < 0) return std::nullopt;
    result.push_back(static_cast<char>(bytes[character.code]));
    text.remove_prefix(character.length);
  }
  return result;
}

}  // namespace rl::text
