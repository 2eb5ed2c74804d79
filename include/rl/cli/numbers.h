// Numbers as people write and read them. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rl::cli {

// 100000, 100_000, 1e5. nullopt unless it is a whole number that 64 bits hold exactly.
std::optional<std::uint64_t> parse_count(std::string_view text);

// Finite decimal numbers, with the same underscores.
std::optional<double> parse_number(std::string_view text);

// The shortest text that parse_number reads back to the same bits.
std::string format_number(double value);

// 1234567 -> "1,234,567".
std::string group_digits(std::uint64_t value);

}  // namespace rl::cli
