// value|filter(...) and value is test(...).
#pragma once

#include <span>

#include "src/text/jinja_operations.h"

namespace rl::text::jinja {

struct FilterCall {
  Budget& budget;
  std::string_view name;
  const Value& input;
  const Arguments& arguments;
};
using Filter = Value (*)(const FilterCall&);
struct FilterEntry {
  std::string_view name;
  Filter apply;
};

std::span<const FilterEntry> text_filters();      // jinja_filters_text.cpp
std::span<const FilterEntry> number_filters();    // jinja_filters_number.cpp
std::span<const FilterEntry> sequence_filters();  // jinja_filters_sequence.cpp
std::span<const FilterEntry> select_filters();    // jinja_filters_select.cpp

// Both throw Failure for an unknown name.
Value apply_filter(Budget& budget, std::string_view name, const Value& input,
                   const Arguments& arguments);
bool apply_test(Budget& budget, std::string_view name, const Value& input,
                const Arguments& arguments);

// "a.b" and whole numbers, as map(attribute=...) and sort(attribute=...) take them.
Value attribute_path(Budget& budget, const Value& object, const Value& path);

}  // namespace rl::text::jinja
