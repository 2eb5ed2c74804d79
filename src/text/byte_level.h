// GPT-2's way of writing bytes as characters.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace rl::text {

// The code points that stand for the 256 bytes: printable bytes stand for themselves, the others
// for 256, 257, ... in order. Also as UTF-8.
const std::array<char32_t, 256>& byte_characters();
const std::array<std::string, 256>& byte_texts();

// Every byte of `bytes` written as its character.
std::string bytes_to_characters(std::string_view bytes);
// The bytes that the characters of this valid text stand for; nullopt when one stands for none.
std::optional<std::string> characters_to_bytes(std::string_view text);

}  // namespace rl::text
