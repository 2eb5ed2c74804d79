// Attributes, items, slices, iteration and arguments.
#include <algorithm>

#include "src/text/jinja_operations.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

Value missing(const Value& object, const std::string& name) {
  return Value::undefined("there is no '" + name + "' in " + describe(object));
}

Value loop_attribute(Budget& budget, const std::shared_ptr<Loop>& loop, std::string_view name) {
  const auto number = [](std::size_t value) { return Value(static_cast<std::int64_t>(value)); };
  const std::size_t size = loop->items.size();
  const std::size_t index = loop->index;
  if (name == "index") return number(index + 1);
  if (name == "index0") return number(index);
  if (name == "revindex") return number(size - index);
  if (name == "revindex0") return number(size - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == size);
  if (name == "length") return number(size);
  if (name == "depth") return number(1);  // more in recursive loops alone
  if (name == "depth0") return number(0);
  if (name == "previtem") {
    return index > 0 ? loop->items[index - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < size ? loop->items[index + 1] : Value::undefined("there is no next item");
  }
  if (name == "cycle") {
    const Function cycle{.name = "cycle", .call = [loop](const Arguments& arguments) {
                           if (arguments.positional.empty()) fail("cycle needs items");
                           return arguments.positional[loop->index % arguments.positional.size()];
                         }};
    return std::make_shared<const Function>(cycle);
  }
  if (name == "changed") {
    const Function changed{.name = "changed", .call = [loop, &budget](const Arguments& arguments) {
                             Value now = make_sequence(budget, arguments.positional);
                             if (depth_of(now) > 1) fail("loop.changed takes plain values");
                             const bool same = equal(budget, now, loop->changed_last);
                             loop->changed_last = std::move(now);
                             return Value(!same);
                           }};
    return std::make_shared<const Function>(changed);
  }
  return missing(Value(loop), std::string(name));
}

// Index among `size` items, counted from the end when negative; nothing when outside.
std::optional<std::size_t> index_of(const Value& key, std::size_t size) {
  std::int64_t index = 0;
  if (const auto* flag = key.get<bool>()) {
    index = *flag ? 1 : 0;
  } else if (const auto* whole = key.get<std::int64_t>()) {
    index = *whole;
  } else {
    return std::nullopt;
  }
  const auto count = static_cast<std::int64_t>(size);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return static_cast<std::size_t>(index);
}

struct Range {
  std::int64_t start;
  std::int64_t stop;
  std::int64_t step;
};

// Python's slice.indices.
Range range_of(const Value& start, const Value& stop, const Value& step, std::int64_t size) {
  Range range{0, 0, step.is_none() ? 1 : to_integer(step, "a slice's step")};
  if (range.step == 0) fail("a slice's step is zero");
  const bool back = range.step < 0;
  const std::int64_t lowest = back ? -1 : 0;
  const std::int64_t highest = back ? size - 1 : size;
  const auto bound = [&](const Value& value, std::int64_t fallback) {
    if (value.is_none()) return fallback;
    const std::int64_t index = to_integer(value, "a slice's end");
    return index < 0 ? std::max(index + size, lowest) : std::min(index, highest);
  };
  range.start = bound(start, back ? highest : lowest);
  range.stop = bound(stop, back ? lowest : highest);
  return range;
}

template <class Visit>
void visit(const Range& range, Visit visit_index) {
  if (range.step > 0) {
    for (std::int64_t i = range.start; i < range.stop;) {
      visit_index(static_cast<std::size_t>(i));
      if (__builtin_add_overflow(i, range.step, &i)) break;
    }
  } else {
    for (std::int64_t i = range.start; i > range.stop;) {
      visit_index(static_cast<std::size_t>(i));
      if (__builtin_add_overflow(i, range.step, &i)) break;
    }
  }
}

}  // namespace

Value attribute_of(Budget& budget, const Value& object, std::string_view name) {
  require_defined(object);
  if (const auto* loop = object.get<std::shared_ptr<Loop>>()) {
    return loop_attribute(budget, *loop, name);
  }
  if (const auto* space = object.get<Namespace*>()) {
    const auto found = (*space)->attributes.find(name);
    return found == (*space)->attributes.end() ? missing(object, std::string(name)) : found->second;
  }
  if (Value method = method_of(budget, object, name); !method.is_undefined()) return method;
  if (const auto* dict = object.dict()) {
    if (const Value* found = dict->find(name)) return *found;
  }
  return missing(object, std::string(name));
}

Value item_of(Budget& budget, const Value& object, const Value& key) {
  require_defined(object);
  if (const auto* dict = object.dict()) {
    if (const Value* found = dict->find(budget, key)) return *found;
  } else if (const auto* items = object.sequence();
             items != nullptr && items->kind <= SequenceKind::tuple) {
    if (const auto index = index_of(key, items->items.size())) return items->items[*index];
  } else if (const auto* text = object.text()) {
    budget.spend_text(text->size());
    const std::size_t size = length(*text);
    if (const auto index = index_of(key, size)) {
      if (size == text->size()) return Value(text->substr(*index, 1));
      return Value(characters(*text)[*index]);
    }
  }
  const auto* name = key.text();
  if (name == nullptr) {
    return missing(object, key.is_integer() ? std::to_string(*key.get<std::int64_t>())
                                            : std::string(describe(key)));
  }
  return attribute_of(budget, object, *name);
}

Value slice_of(Budget& budget, const Value& object, const Value& start, const Value& stop,
               const Value& step) {
  require_defined(object);
  if (const auto* text = object.text()) {
    budget.spend_text(text->size());
    TextBuilder out(budget);
    const bool ascii = length(*text) == text->size();
    const auto all = ascii ? std::vector<std::string_view>() : characters(*text);
    if (!ascii) budget.spend(all.size());
    const auto size = static_cast<std::int64_t>(ascii ? text->size() : all.size());
    const Range range = range_of(start, stop, step, size);
    if (ascii && range.step == 1) {
      const auto first = static_cast<std::size_t>(range.start);
      if (range.stop > range.start) {
        out << std::string_view(*text).substr(first,
                                              static_cast<std::size_t>(range.stop) - first);
      }
    } else {
      visit(range, [&](std::size_t i) {
        out << (ascii ? std::string_view(*text).substr(i, 1) : all[i]);
      });
    }
    return Value(out.take());
  }
  const auto* items = object.sequence();
  if (items == nullptr || items->kind > SequenceKind::tuple) {
    return Value::undefined(describe(object) + " cannot be sliced");
  }
  std::vector<Value> chosen;
  visit(range_of(start, stop, step, static_cast<std::int64_t>(items->items.size())),
        [&](std::size_t i) { chosen.push_back(items->items[i]); });
  return make_sequence(budget, std::move(chosen), items->kind);
}

std::vector<Value> items_of(Budget& budget, const Value& value) {
  std::vector<Value> all;
  if (const auto* items = value.sequence()) {
    budget.spend(items->items.size());
    return items->items;
  }
  if (const auto* dict = value.dict()) {
    budget.spend(dict->entries().size());
    for (const auto& entry : dict->entries()) all.push_back(entry.first);
    return all;
  }
  if (const auto* text = value.text()) {
    budget.spend(4 * text->size());  // a text of its own for each character
    for (const auto character : characters(*text)) all.emplace_back(character);
    return all;
  }
  if (value.is_undefined()) return all;
  fail("this cannot be iterated", "a list, a dict or a string", describe(value));
}

Value dict_pairs(Budget& budget, const Dict& dict, SequenceKind kind) {
  std::vector<Value> pairs;
  for (const auto& [key, value] : dict.entries()) {
    budget.spend(4);
    pairs.push_back(make_sequence(budget, {key, value}, SequenceKind::tuple));
  }
  return make_sequence(budget, std::move(pairs), kind);
}

void replace_text(TextBuilder& out, std::string_view text, std::string_view from,
                  std::string_view to, std::int64_t most) {
  out.budget().spend_text(text.size());
  for (std::int64_t done = 0; most < 0 || done < most; ++done) {
    out.budget().spend(1);
    if (from.empty()) {  // before every character, and at the end
      out << to;
      if (text.empty()) return;
      out << text.substr(0, character_bytes(text[0]));
      text = text.substr(character_bytes(text[0]));
      continue;
    }
    const std::size_t at = find(text, from);
    if (at == text.npos) break;
    out << text.substr(0, at) << to;
    text = text.substr(at + from.size());
  }
  out << text;
}

Bound::Bound(std::string_view callee, const Arguments& arguments,
             std::initializer_list<std::string_view> names, std::size_t required)
    : values_(names.size(), nullptr) {
  const std::string who(callee);
  if (arguments.positional.size() > names.size()) {
    fail(who + " is given too many arguments", "at most " + std::to_string(names.size()),
         std::to_string(arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::ranges::find(names, std::string_view(name));
    if (found == names.end()) fail(who + " has no parameter '" + name + "'");
    const Value*& place = values_[static_cast<std::size_t>(found - names.begin())];
    if (place != nullptr) fail(who + " is given '" + name + "' twice");
    place = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) fail(who + " needs '" + std::string(names.begin()[i]) + "'");
  }
}

bool Bound::flag(std::size_t index, bool fallback) const {
  return values_[index] != nullptr ? is_true(*values_[index]) : fallback;
}

}  // namespace rl::text::jinja
