// The values a template computes with. All but namespaces and loops are immutable, as in
// transformers' sandbox, so no value can hold itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "src/text/jinja_budget.h"

namespace rl::text::jinja {

class Value;
struct Sequence;
class Dict;
struct Function;
struct Loop;
struct Namespace;

struct Undefined {
  std::shared_ptr<const std::string> why{};  // "'x' is undefined"
};
struct None {};
using Text = std::shared_ptr<const std::string>;

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, std::int64_t, double, Text,
                            std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>,
                            std::shared_ptr<const Function>, std::shared_ptr<Loop>, Namespace*>;

  Value() = default;  // undefined
  Value(None none) : data_(none) {}
  Value(bool value) : data_(value) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(Text text) : data_(std::move(text)) {}
  Value(std::shared_ptr<const Sequence> items) : data_(std::move(items)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<const Function> function) : data_(std::move(function)) {}
  Value(std::shared_ptr<Loop> loop) : data_(std::move(loop)) {}
  Value(Namespace* space) : data_(space) {}

  static Value undefined(std::string why) {
    Value value;
    value.data_ = Undefined{std::make_shared<const std::string>(std::move(why))};
    return value;
  }

  template <class T>
  const T* get() const { return std::get_if<T>(&data_); }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  bool is_text() const { return get<Text>() != nullptr; }
  bool is_integer() const { return get<std::int64_t>() != nullptr; }  // bool is not
  bool is_real() const { return get<double>() != nullptr; }
  bool is_number() const { return is_integer() || is_real() || get<bool>() != nullptr; }
  // Null when the value is something else.
  const std::string* text() const;
  const Sequence* sequence() const;
  const Dict* dict() const;
  const Data& data() const { return data_; }

  std::string why() const;        // of an undefined value
  const char* type_name() const;  // Python's

 private:
  Data data_{};
};

// Levels of containers in a value; 0 for plain ones.
std::size_t depth_of(const Value& value);

enum class SequenceKind {
  list,
  tuple,
  view,      // dict.items() and the like, range(): iterated and measured, not indexed
  generator  // what map, select and the like give: iterated only, always true
};

struct Sequence {
  SequenceKind kind = SequenceKind::list;
  std::vector<Value> items{};
  std::size_t depth = 1;
};

// Throws Failure when too deep; charges a step per item.
Value make_sequence(Budget& budget, std::vector<Value> items,
                    SequenceKind kind = SequenceKind::list);

// Ordered as inserted, keys None, booleans, numbers and texts.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;
  const std::vector<Entry>& entries() const { return entries_; }
  const Value* find(Budget& budget, const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Budget& budget, const Value& key, Value value);
  std::size_t depth() const { return depth_; }

 private:
  std::vector<Entry> entries_{};
  std::map<std::string, std::size_t, std::less<>> index_{};  // by type and value
  std::size_t depth_ = 1;
};

struct Arguments {
  std::vector<Value> positional{};
  std::vector<std::pair<std::string, Value>> named{};
};

struct Function {
  std::string name{};
  std::function<Value(const Arguments&)> call{};
  std::size_t depth = 1;
};

struct Loop {
  std::vector<Value> items{};
  std::size_t index = 0;
  std::size_t depth = 1;  // of values
  Value changed_last{};
};

struct Namespace {
  std::map<std::string, Value, std::less<>> attributes{};
};

// "a list", "the string 'x'": for messages.
std::string describe(const Value& value);

}  // namespace rl::text::jinja
