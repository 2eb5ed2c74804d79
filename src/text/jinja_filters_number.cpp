// Filters about numbers and about what is not there.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "src/text/jinja_filters.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

Value otherwise(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"default_value", "boolean"});
  const bool absent =
      call.input.is_undefined() || (bound.flag(1, false) && !is_true(call.input));
  if (!absent) return call.input;
  return bound.get(0) != nullptr ? bound.at(0) : Value("");
}

// The number a text holds: digits may be parted by single underscores, as in Python.
std::optional<double> parse_real(std::string_view text) {
  std::string plain(strip_left(strip_right(text)));
  if (plain.starts_with('+') && !plain.starts_with("+-")) plain.erase(0, 1);
  double value = 0;
  const char* end = plain.data() + plain.size();
  const auto result = std::from_chars(plain.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_whole(std::string_view text, std::int64_t base) {
  std::string plain(strip_left(strip_right(text)));
  if (plain.starts_with('+') && !plain.starts_with("+-")) plain.erase(0, 1);
  if (base == 16 && (plain.starts_with("0x") || plain.starts_with("0X"))) plain.erase(0, 2);
  if (base == 2 && (plain.starts_with("0b") || plain.starts_with("0B"))) plain.erase(0, 2);
  std::int64_t value = 0;
  const char* end = plain.data() + plain.size();
  const auto result = std::from_chars(plain.data(), end, value, static_cast<int>(base));
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

Value to_int(const FilterCall& call) {
  const Bound bound("int", call.arguments, {"default", "base"});
  const Value fallback = bound.get(0) != nullptr ? bound.at(0) : Value(std::int64_t{0});
  const std::int64_t base = bound.get(1) != nullptr ? to_integer(bound.at(1), "base") : 10;
  if (base < 2 || base > 36) fail("int's base is wrong", "2 to 36", std::to_string(base));
  require_defined(call.input);
  double real = 0;
  if (const auto* text = call.input.text()) {
    call.budget.spend_text(text->size());
    if (const auto whole = parse_whole(*text, base)) return Value(*whole);
    const auto parsed = parse_real(*text);
    if (!parsed) return fallback;
    real = *parsed;
  } else if (const auto* number = call.input.get<double>()) {
    real = *number;
  } else if (call.input.is_number()) {
    return Value(to_integer(call.input, "the number"));
  } else {
    return fallback;
  }
  return std::isfinite(real) ? Value(truncate(real)) : fallback;
}

Value to_float(const FilterCall& call) {
  const Bound bound("float", call.arguments, {"default"});
  require_defined(call.input);
  if (call.input.is_real()) return call.input;
  if (call.input.is_number()) {
    return Value(static_cast<double>(to_integer(call.input, "the number")));
  }
  if (const auto* text = call.input.text()) {
    call.budget.spend_text(text->size());
    if (const auto parsed = parse_real(*text)) return Value(*parsed);
  }
  return bound.get(0) != nullptr ? bound.at(0) : Value(0.0);
}

// Correctly rounded decimal digits, ties to even, as Python's round().
double rounded(double value, std::int64_t digits) {
  std::array<char, 400> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", static_cast<int>(digits), value);
  return std::strtod(buffer.data(), nullptr);
}

Value round(const FilterCall& call) {
  const Bound bound("round", call.arguments, {"precision", "method"});
  const std::int64_t digits = bound.get(0) != nullptr ? to_integer(bound.at(0), "precision") : 0;
  if (digits < 0 || digits > 20) fail("round's precision is wrong", "0 to 20", std::to_string(digits));
  const std::string method =
      bound.get(1) != nullptr ? to_text(call.budget, bound.at(1)) : std::string("common");
  require_defined(call.input);
  if (!call.input.is_number()) fail("round takes a number", "a number", describe(call.input));
  const bool whole = !call.input.is_real();
  if (method == "common" && whole) return Value(to_integer(call.input, "the number"));
  const double value = whole ? static_cast<double>(to_integer(call.input, "the number"))
                             : *call.input.get<double>();
  if (method == "common") return std::isfinite(value) ? Value(rounded(value, digits)) : Value(value);
  if (method != "ceil" && method != "floor") {
    fail("round's method is wrong", "common, ceil or floor", method);
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  return Value((method == "ceil" ? std::ceil(value * scale) : std::floor(value * scale)) / scale);
}

Value abs(const FilterCall& call) {
  const Bound none("abs", call.arguments, {});
  require_defined(call.input);
  if (const auto* real = call.input.get<double>()) return Value(std::fabs(*real));
  const std::int64_t whole = to_integer(call.input, "the value of abs");
  return whole < 0 ? negate(Value(whole)) : Value(whole);
}

constexpr std::array<FilterEntry, 6> kFilters = {{{"default", otherwise},
                                                  {"d", otherwise},
                                                  {"int", to_int},
                                                  {"float", to_float},
                                                  {"round", round},
                                                  {"abs", abs}}};

}  // namespace

std::span<const FilterEntry> number_filters() { return kFilters; }

}  // namespace rl::text::jinja
