#include "src/text/jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

void check_depth(std::size_t depth) {
  if (depth > ChatTemplate::kMaxDepth) {
    fail("a value nests too deeply", "at most " + std::to_string(ChatTemplate::kMaxDepth) + " levels",
         "more");
  }
}

// Equal keys give equal texts: 1, 1.0 and true are one key in Python.
std::string index_key(const Value& key) {
  if (const auto* text = key.text()) return "s" + *text;
  if (const auto* flag = key.get<bool>()) return *flag ? "n1" : "n0";
  if (const auto* whole = key.get<std::int64_t>()) return "n" + std::to_string(*whole);
  if (const auto* real = key.get<double>()) {
    constexpr double kExact = 9007199254740992.0;
    if (std::abs(*real) <= kExact && *real == std::floor(*real)) {
      return "n" + std::to_string(static_cast<std::int64_t>(*real));
    }
    char digits[32];
    return "r" + std::string(digits, std::to_chars(digits, digits + sizeof digits, *real).ptr);
  }
  if (key.is_none()) return "0";
  fail("a dict cannot have this key", "a string, a number or none", describe(key));
}

}  // namespace

const std::string* Value::text() const {
  const auto* text = get<Text>();
  return text != nullptr ? text->get() : nullptr;
}

const Sequence* Value::sequence() const {
  const auto* items = get<std::shared_ptr<const Sequence>>();
  return items != nullptr ? items->get() : nullptr;
}

const Dict* Value::dict() const {
  const auto* entries = get<std::shared_ptr<const Dict>>();
  return entries != nullptr ? entries->get() : nullptr;
}

std::string Value::why() const {
  const auto* undefined = get<Undefined>();
  if (undefined == nullptr || undefined->why == nullptr) return "the value is undefined";
  return *undefined->why;
}

const char* Value::type_name() const {
  static constexpr const char* kNames[] = {"undefined", "NoneType", "bool", "int",  "float",    "str",
                                           "list",      "dict",     "function", "loop", "namespace"};
  if (const auto* items = sequence()) {
    static constexpr const char* kKinds[] = {"list", "tuple", "view", "generator"};
    return kKinds[static_cast<int>(items->kind)];
  }
  return kNames[data_.index()];
}

std::size_t depth_of(const Value& value) {
  if (const auto* items = value.sequence()) return items->depth;
  if (const auto* dict = value.dict()) return dict->depth();
  if (const auto* function = value.get<std::shared_ptr<const Function>>()) return (*function)->depth;
  if (const auto* loop = value.get<std::shared_ptr<Loop>>()) return (*loop)->depth;
  return 0;
}

Value make_sequence(Budget& budget, std::vector<Value> items, SequenceKind kind) {
  budget.spend(items.size() + 1);
  std::size_t depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  check_depth(depth + 1);
  return std::make_shared<const Sequence>(
      Sequence{.kind = kind, .items = std::move(items), .depth = depth + 1});
}

const Value* Dict::find(Budget& budget, const Value& key) const {
  if (const auto* text = key.text()) {
    budget.spend_text(text->size());
  } else if (depth_of(key) > 0) {
    return nullptr;
  }
  const auto found = index_.find(index_key(key));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto found = index_.find("s" + std::string(key));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

void Dict::set(Budget& budget, const Value& key, Value value) {
  std::string name = index_key(key);
  budget.spend(4);  // two values and a node of the index
  budget.spend_text(name.size());
  depth_ = std::max(depth_, depth_of(value) + 1);
  check_depth(depth_);
  const auto [found, added] = index_.try_emplace(std::move(name), entries_.size());
  if (added) {
    entries_.emplace_back(key, std::move(value));
  } else {
    entries_[found->second].second = std::move(value);
  }
}

std::string describe(const Value& value) {
  constexpr std::size_t kLongest = 40;
  if (const auto* text = value.text()) {
    if (length(std::string_view(*text).substr(0, 4 * kLongest)) <= kLongest) return quoted(*text);
    std::string_view start(*text);
    std::size_t end = 0;
    for (std::size_t i = 0; i < kLongest; ++i) end += character_bytes(start[end]);
    return quoted(start.substr(0, end)) + "...";
  }
  if (value.is_undefined()) return "an undefined value";
  if (value.is_none()) return "none";
  if (const auto* whole = value.get<std::int64_t>()) return std::to_string(*whole);
  return std::string("a value of type ") + value.type_name();
}

}  // namespace rl::text::jinja
