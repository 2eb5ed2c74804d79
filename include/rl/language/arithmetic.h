// Sums as people write them, evaluated exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rl::language {

// A fraction in lowest terms, and the numbers it was made of in the order they were written.
struct ArithmeticValue {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;     // above 0
  std::vector<std::string> numbers{};  // as they were written, without signs

  bool is(std::int64_t value) const { return denominator == 1 && numerator == value; }
};

// + - * / and brackets over numbers such as 12, 0.5 and 1,200, with signs and spaces. Nothing for
// what is no such sum, divides by zero, is longer than 1024 bytes, nests deeper than 32, or whose
// value on the way does not fit 64 bits.
std::optional<ArithmeticValue> evaluate_arithmetic(std::string_view text);

// "132", "0.25", "-7": all decimals when they end within 9, else rounded to 9, half away from zero.
std::string to_string(const ArithmeticValue& value);

}  // namespace rl::language
