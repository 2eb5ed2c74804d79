// Hand-written forms of the split rules that most models share: the same pieces as the regular
// expression, many times faster.
#pragma once

#include <cstddef>
#include <string_view>

namespace rl::text {

// The end of the piece that starts at `from` (< text.size()). Pieces cover the text without gaps.
using Scanner = std::size_t (*)(std::string_view text, std::size_t from);

inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The scanner that stands for this pattern; nullptr when there is none.
Scanner scanner_for(std::string_view pattern);

}  // namespace rl::text
