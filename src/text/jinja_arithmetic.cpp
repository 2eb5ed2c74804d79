// Python's + - * / // % ** and string formatting by %.
#include <array>
#include <cmath>
#include <cstdio>

#include "src/text/jinja_operations.h"

namespace rl::text::jinja {
namespace {

[[noreturn]] void too_large() {
  fail("a whole number is too large", "at most 64 bits", "more");
}

std::optional<std::int64_t> whole(const Value& value) {
  if (const auto* flag = value.get<bool>()) return *flag ? 1 : 0;
  if (const auto* number = value.get<std::int64_t>()) return *number;
  return std::nullopt;
}

double real(const Value& value) {
  const auto number = whole(value);
  return number ? static_cast<double>(*number) : *value.get<double>();
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) too_large();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return result;
}

Value whole_arithmetic(std::string_view symbol, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (symbol == "+") {
    if (__builtin_add_overflow(a, b, &result)) too_large();
  } else if (symbol == "-") {
    if (__builtin_sub_overflow(a, b, &result)) too_large();
  } else if (symbol == "*") {
    if (__builtin_mul_overflow(a, b, &result)) too_large();
  } else if (symbol == "**") {
    if (b < 0) return Value(std::pow(static_cast<double>(a), static_cast<double>(b)));
    result = power(a, b);
  } else {
    if (b == 0) fail("division by zero");
    if (symbol == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
    if (b == -1) {  // the one overflow: the smallest number
      if (symbol == "//" && __builtin_sub_overflow(std::int64_t{0}, a, &result)) too_large();
      return Value(result);
    }
    // Python rounds down, and the remainder has the divisor's sign.
    const bool down = a % b != 0 && ((a < 0) != (b < 0));
    result = symbol == "//" ? a / b - (down ? 1 : 0) : a % b + (down ? b : 0);
  }
  return Value(result);
}

Value real_arithmetic(std::string_view symbol, double a, double b) {
  if (symbol == "+") return Value(a + b);
  if (symbol == "-") return Value(a - b);
  if (symbol == "*") return Value(a * b);
  if (symbol == "**") {
    const double result = std::pow(a, b);
    if (!std::isfinite(result) && std::isfinite(a) && std::isfinite(b)) {
      fail("a power is not a number");
    }
    return Value(result);
  }
  if (b == 0) fail("division by zero");
  if (symbol == "/") return Value(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  return symbol == "%" ? Value(remainder) : Value(std::floor((a - remainder) / b + 0.5));
}

Value repeated(Budget& budget, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  if (const auto* text = value.text()) {
    // Refused before anything is made.
    if (times > 0 && text->size() > ChatTemplate::kMaxOutputBytes / times) {
      fail("the template makes too long a text",
           "at most " + std::to_string(ChatTemplate::kMaxOutputBytes) + " bytes", "more");
    }
    budget.spend(text->empty() ? 0 : times);
    TextBuilder out(budget);
    for (std::size_t i = 0; i < times && !text->empty(); ++i) out << *text;
    return Value(out.take());
  }
  const auto& items = value.sequence()->items;
  if (times > 0 && items.size() > ChatTemplate::kMaxSteps / times) {
    budget.spend(ChatTemplate::kMaxSteps + 1);
  }
  budget.spend(items.size() * times);
  std::vector<Value> all;
  for (std::size_t i = 0; i < times && !items.empty(); ++i) {
    all.insert(all.end(), items.begin(), items.end());
  }
  return make_sequence(budget, std::move(all), value.sequence()->kind);
}

bool is_list(const Value& value) {
  return value.sequence() != nullptr && value.sequence()->kind <= SequenceKind::tuple;
}

Value sum(Budget& budget, const Value& a, const Value& b) {
  if (a.is_text() && b.is_text()) {
    TextBuilder out(budget);
    out << *a.text() << *b.text();
    return Value(out.take());
  }
  if (is_list(a) && is_list(b) && a.sequence()->kind == b.sequence()->kind) {
    budget.spend(a.sequence()->items.size() + b.sequence()->items.size());
    std::vector<Value> all = a.sequence()->items;
    all.insert(all.end(), b.sequence()->items.begin(), b.sequence()->items.end());
    return make_sequence(budget, std::move(all), a.sequence()->kind);
  }
  return {};
}

std::string formatted_real(double value, int precision) {
  std::array<char, 512> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, value);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace

void require_defined(const Value& value) {
  if (value.is_undefined()) fail(value.why());
}

std::int64_t to_integer(const Value& value, const char* purpose) {
  require_defined(value);
  const auto number = whole(value);
  if (!number) fail(std::string(purpose) + " is not a whole number", "one", describe(value));
  return *number;
}

Value arithmetic(Budget& budget, std::string_view symbol, const Value& a, const Value& b) {
  require_defined(a);
  if (symbol == "%" && a.is_text()) return format_percent(budget, *a.text(), b);
  require_defined(b);
  if (a.is_number() && b.is_number()) {
    const auto left = whole(a);
    const auto right = whole(b);
    if (left && right) return whole_arithmetic(symbol, *left, *right);
    return real_arithmetic(symbol, real(a), real(b));
  }
  if (symbol == "*" && (a.is_text() || is_list(a)) && whole(b)) return repeated(budget, a, *whole(b));
  if (symbol == "*" && (b.is_text() || is_list(b)) && whole(a)) return repeated(budget, b, *whole(a));
  if (symbol == "+") {
    if (Value made = sum(budget, a, b); !made.is_undefined()) return made;
  }
  fail("'" + std::string(symbol) + "' does not work on these",
       symbol == "+" ? "two numbers, two strings or two lists" : "two numbers",
       std::string(a.type_name()) + " and " + b.type_name(),
       symbol == "+" ? "use ~ to join values of different types" : "");
}

Value negate(const Value& value) {
  require_defined(value);
  if (const auto* number = value.get<double>()) return Value(-*number);
  return whole_arithmetic("-", 0, to_integer(value, "the operand of '-'"));
}

std::int64_t truncate(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value > -kLimit && value < kLimit)) too_large();
  return static_cast<std::int64_t>(value);
}

Value format_percent(Budget& budget, std::string_view format, const Value& arguments) {
  std::vector<Value> values = {arguments};
  if (is_list(arguments) && arguments.sequence()->kind == SequenceKind::tuple) {
    values = arguments.sequence()->items;
  }
  TextBuilder out(budget);
  std::size_t next = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out << format.substr(i, 1);
      continue;
    }
    int precision = 6;
    if (format.substr(i + 1, 1) == "." && i + 2 < format.size() && format[i + 2] >= '0' &&
        format[i + 2] <= '9') {
      precision = format[i + 2] - '0';
      i += 2;
    }
    const char kind = ++i < format.size() ? format[i] : ' ';
    if (kind == '%') {
      out << "%";
      continue;
    }
    if (next >= values.size()) fail("a format has more places than values");
    const Value& value = values[next++];
    if (kind == 's') {
      print(out, value);
    } else if (kind == 'r') {
      print_repr(out, value);
    } else if (kind == 'd' || kind == 'i') {
      out << std::to_string(value.is_real() ? truncate(*value.get<double>())
                                            : to_integer(value, "the value of %d"));
    } else if (kind == 'f' && value.is_number()) {
      out << formatted_real(real(value), precision);
    } else {
      fail("a format is not supported", "%s, %r, %d, %f, %.2f or %%", "%" + std::string(1, kind));
    }
  }
  if (next < values.size() && arguments.dict() == nullptr) {
    fail("a format has fewer places than values");
  }
  return Value(out.take());
}

}  // namespace rl::text::jinja
