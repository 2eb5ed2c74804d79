// Classes of characters, computed from PCRE2's Unicode tables when first asked for.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rl::text {

// What pre-tokenisers tell apart. A character has at most one of them.
enum class CharacterClass : std::uint8_t { other = 0, letter = 1, number = 2, space = 3 };

// By code point: \p{L}, \p{N}, \p{White_Space}, or none of them.
const std::vector<CharacterClass>& character_classes();

// Sets of code points that `tokenizers` takes from Rust: whitespace, \w, and punctuation (ASCII's
// and \p{P}).
inline constexpr std::string_view kWordMembers =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control})";  // in the brackets of a class
bool is_whitespace(char32_t code);
bool is_word(char32_t code);
bool is_punctuation(char32_t code);
bool is_numeric(char32_t code);  // \p{N}

}  // namespace rl::text
