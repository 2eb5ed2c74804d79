// Python's operators, str(), attributes and items over Values. All throw Failure.
#pragma once

#include <initializer_list>
#include <optional>

#include "src/text/jinja_value.h"

namespace rl::text::jinja {

bool is_true(const Value& value);

void print(TextBuilder& out, const Value& value);  // str()
void print_repr(TextBuilder& out, const Value& value);
std::string to_text(Budget& budget, const Value& value);  // str()
std::string real_text(double value);                      // repr() of a float

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent{};
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
void print_json(TextBuilder& out, const Value& value, const JsonStyle& style);
// Throws Failure for malformed text, nesting beyond kMaxDepth and numbers beyond 64 bits.
Value parse_json(Budget& budget, std::string_view text);

bool equal(Budget& budget, const Value& a, const Value& b);
bool less(Budget& budget, const Value& a, const Value& b);
bool contains(Budget& budget, const Value& container, const Value& item);
bool compare(Budget& budget, std::string_view symbol, const Value& a, const Value& b);

Value arithmetic(Budget& budget, std::string_view symbol, const Value& a, const Value& b);
Value negate(const Value& value);
std::int64_t truncate(double value);  // int(value)
Value format_percent(Budget& budget, std::string_view format, const Value& arguments);

// object.name: methods first, then keys. object[key]: keys first. Undefined when there is none.
Value attribute_of(Budget& budget, const Value& object, std::string_view name);
Value item_of(Budget& budget, const Value& object, const Value& key);
// Absent parts are none.
Value slice_of(Budget& budget, const Value& object, const Value& start, const Value& stop,
               const Value& step);
std::vector<Value> items_of(Budget& budget, const Value& value);  // list(value)
// (key, value) tuples.
Value dict_pairs(Budget& budget, const Dict& dict, SequenceKind kind);
// str.replace, at most `most` times unless that is negative.
void replace_text(TextBuilder& out, std::string_view text, std::string_view from,
                  std::string_view to, std::int64_t most);
// A bound method, or undefined.
Value method_of(Budget& budget, const Value& object, std::string_view name);

// Refuses undefined values with what is undefined.
void require_defined(const Value& value);
std::int64_t to_integer(const Value& value, const char* purpose);

// Arguments matched with parameter names. Throws Failure for too many, unknown or doubled ones.
class Bound {
 public:
  Bound(std::string_view callee, const Arguments& arguments,
        std::initializer_list<std::string_view> names, std::size_t required = 0);
  const Value* get(std::size_t index) const { return values_[index]; }  // null: not given
  const Value& at(std::size_t index) const { return *values_[index]; }
  bool flag(std::size_t index, bool fallback) const;

 private:
  std::vector<const Value*> values_;
};

}  // namespace rl::text::jinja
