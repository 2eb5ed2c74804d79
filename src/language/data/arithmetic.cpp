#include "rl/language/arithmetic.h"

#include <cstddef>
#include <limits>
#include <numeric>

namespace rl::language {
namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::size_t kDeepest = 32;

__extension__ using Wide = __int128;

struct Fraction {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
};
using Result = std::optional<Fraction>;

Wide divisor_of(Wide a, Wide b) {
  if (a < 0) a = -a;
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

Result lowest(Wide numerator, Wide denominator) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  if (denominator == 0) return std::nullopt;
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const Wide divisor = divisor_of(numerator, denominator);
  numerator /= divisor;
  denominator /= divisor;
  if (numerator > kMost || numerator < -kMost || denominator > kMost) return std::nullopt;
  return Fraction{static_cast<std::int64_t>(numerator), static_cast<std::int64_t>(denominator)};
}

// Factors are below 2^63, so that their products and sums of two products fit.
Result combine(char operation, const Fraction& a, const Fraction& b) {
  const Wide an = a.numerator, ad = a.denominator, bn = b.numerator, bd = b.denominator;
  switch (operation) {
    case '+': return lowest(an * bd + bn * ad, ad * bd);
    case '-': return lowest(an * bd - bn * ad, ad * bd);
    case '*': return lowest(an * bn, ad * bd);
    default: return lowest(an * bd, ad * bn);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<ArithmeticValue> run() {
    const Result value = sum();
    if (!value || next() != '\0') return std::nullopt;
    return ArithmeticValue{value->numerator, value->denominator, std::move(numbers_)};
  }

 private:
  // The next character that is no space, not taken; '\0' at the end.
  char next() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  Result sum() {
    Result value = product();
    for (char sign = next(); value && (sign == '+' || sign == '-'); sign = next()) {
      ++at_;
      const Result right = product();
      value = right ? combine(sign, *value, *right) : std::nullopt;
    }
    return value;
  }

  Result product() {
    Result value = factor();
    for (char sign = next(); value && (sign == '*' || sign == '/'); sign = next()) {
      ++at_;
      const Result right = factor();
      value = right ? combine(sign, *value, *right) : std::nullopt;
    }
    return value;
  }

  Result factor() {
    if (++depth_ > kDeepest) return std::nullopt;
    const Result value = signed_factor();
    --depth_;
    return value;
  }

  Result signed_factor() {
    switch (next()) {
      case '+': ++at_; return factor();
      case '-': {
        ++at_;
        Result value = factor();
        if (value) value->numerator = -value->numerator;
        return value;
      }
      case '(': {
        ++at_;
        const Result value = sum();
        if (!value || next() != ')') return std::nullopt;
        ++at_;
        return value;
      }
      default: return number();
    }
  }

  std::size_t digits_at(std::size_t from) const {
    std::size_t count = 0;
    while (from + count < text_.size() && is_digit(text_[from + count])) ++count;
    return count;
  }

  Result number() {
    const std::size_t begin = at_;
    std::string digits(text_.substr(at_, digits_at(at_)));
    at_ += digits.size();
    while (!digits.empty() && at_ < text_.size() && text_[at_] == ',' && digits_at(at_ + 1) == 3) {
      digits += text_.substr(at_ + 1, 3);
      at_ += 4;
    }
    std::size_t decimals = 0;
    if (at_ < text_.size() && text_[at_] == '.') {
      decimals = digits_at(at_ + 1);
      digits += text_.substr(at_ + 1, decimals);
      at_ += 1 + decimals;
      if (decimals == 0) return std::nullopt;
    }
    if (digits.empty() || digits.size() > 18) return std::nullopt;
    numbers_.emplace_back(text_.substr(begin, at_ - begin));
    Wide scale = 1;
    for (; decimals > 0; --decimals) scale *= 10;
    return lowest(std::stoll(digits), scale);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::vector<std::string> numbers_;
};

}  // namespace

std::optional<ArithmeticValue> evaluate_arithmetic(std::string_view text) {
  if (text.size() > kLongest) return std::nullopt;
  return Parser(text).run();
}

std::string to_string(const ArithmeticValue& value) {
  constexpr Wide kScale = 1'000'000'000;
  const bool negative = value.numerator < 0;
  const Wide size = negative ? -static_cast<Wide>(value.numerator) : value.numerator;
  const Wide scaled = (2 * size * kScale + value.denominator) / (2 * Wide{value.denominator});
  std::string fraction = std::to_string(static_cast<std::int64_t>(scaled % kScale));
  fraction.insert(0, 9 - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  std::string text = std::to_string(static_cast<std::int64_t>(scaled / kScale));
  if (!fraction.empty()) text += "." + fraction;
  return negative && scaled != 0 ? "-" + text : text;
}

}  // namespace rl::language
