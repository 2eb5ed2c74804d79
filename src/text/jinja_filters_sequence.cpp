// Filters over lists and dicts as a whole.
#include <algorithm>
#include <array>

#include "src/text/jinja_filters.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

Value length_of(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  std::size_t count = 0;
  if (const auto* text = call.input.text()) {
    call.budget.spend_text(text->size());
    count = length(*text);
  } else if (const auto* dict = call.input.dict()) {
    count = dict->entries().size();
  } else if (const auto* items = call.input.sequence();
             items != nullptr && items->kind != SequenceKind::generator) {
    count = items->items.size();
  } else if (!call.input.is_undefined()) {
    fail("this has no length", "a string, a list or a dict", describe(call.input),
         items != nullptr ? "add |list before" : "");
  }
  return Value(static_cast<std::int64_t>(count));
}

Value first(const FilterCall& call) {
  const Bound none("first", call.arguments, {});
  const auto all = items_of(call.budget, call.input);
  return all.empty() ? Value::undefined("there is no first item") : all.front();
}

Value last(const FilterCall& call) {
  const Bound none("last", call.arguments, {});
  const auto all = items_of(call.budget, call.input);
  return all.empty() ? Value::undefined("there is no last item") : all.back();
}

Value list(const FilterCall& call) {
  const Bound none("list", call.arguments, {});
  return make_sequence(call.budget, items_of(call.budget, call.input));
}

Value reverse(const FilterCall& call) {
  const Bound none("reverse", call.arguments, {});
  auto all = items_of(call.budget, call.input);
  std::ranges::reverse(all);
  if (!call.input.is_text()) {
    return make_sequence(call.budget, std::move(all), SequenceKind::generator);
  }
  TextBuilder out(call.budget);
  for (const Value& character : all) out << *character.text();
  return Value(out.take());
}

Value items(const FilterCall& call) {
  const Bound none("items", call.arguments, {});
  if (call.input.is_undefined()) return make_sequence(call.budget, {}, SequenceKind::generator);
  if (call.input.dict() == nullptr) fail("items takes a dict", "a dict", describe(call.input));
  return dict_pairs(call.budget, *call.input.dict(), SequenceKind::generator);
}

// What items are ordered and told apart by: text without regard to case, unless asked for.
class Keys {
 public:
  Keys(Budget& budget, const Value* attribute, bool case_sensitive)
      : budget_(budget), attribute_(attribute), case_sensitive_(case_sensitive) {}

  Value of(const Value& item) const {
    Value key = attribute_ != nullptr && !attribute_->is_none()
                    ? attribute_path(budget_, item, *attribute_)
                    : item;
    if (case_sensitive_ || !key.is_text()) return key;
    budget_.spend(key.text()->size());
    return Value(lower(*key.text()));
  }

 private:
  Budget& budget_;
  const Value* attribute_;
  bool case_sensitive_;
};

struct Keyed {
  Value key;
  Value item;
};

std::vector<Value> sorted(Budget& budget, std::vector<Keyed> keyed, bool reverse) {
  budget.spend(keyed.size());
  std::ranges::stable_sort(keyed, [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(budget, b.key, a.key) : less(budget, a.key, b.key);
  });
  std::vector<Value> all;
  for (Keyed& one : keyed) all.push_back(std::move(one.item));
  return all;
}

// attribute="a,b" orders by several.
Value sort_key(Budget& budget, const Value& item, const Value* attribute, bool case_sensitive) {
  if (attribute == nullptr || !attribute->is_text() ||
      attribute->text()->find(',') == std::string::npos) {
    return Keys(budget, attribute, case_sensitive).of(item);
  }
  std::vector<Value> parts;
  std::string_view rest = *attribute->text();
  while (true) {
    const std::size_t comma = rest.find(',');
    const Value part(rest.substr(0, comma));
    parts.push_back(Keys(budget, &part, case_sensitive).of(item));
    if (comma == rest.npos) return make_sequence(budget, std::move(parts));
    rest = rest.substr(comma + 1);
  }
}

Value sort(const FilterCall& call) {
  const Bound bound("sort", call.arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> keyed;
  for (const Value& item : items_of(call.budget, call.input)) {
    keyed.push_back({sort_key(call.budget, item, bound.get(2), bound.flag(1, false)), item});
  }
  return make_sequence(call.budget, sorted(call.budget, std::move(keyed), bound.flag(0, false)));
}

Value dictsort(const FilterCall& call) {
  const Bound bound("dictsort", call.arguments, {"case_sensitive", "by", "reverse"});
  if (call.input.dict() == nullptr) fail("dictsort takes a dict", "a dict", describe(call.input));
  const std::string by = bound.get(1) != nullptr ? to_text(call.budget, bound.at(1)) : "key";
  if (by != "key" && by != "value") fail("dictsort's by is wrong", "key or value", by);
  const Keys keys(call.budget, nullptr, bound.flag(0, false));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : call.input.dict()->entries()) {
    keyed.push_back({keys.of(by == "key" ? key : value),
                     make_sequence(call.budget, {key, value}, SequenceKind::tuple)});
  }
  return make_sequence(call.budget, sorted(call.budget, std::move(keyed), bound.flag(2, false)));
}

Value unique(const FilterCall& call) {
  const Bound bound("unique", call.arguments, {"case_sensitive", "attribute"});
  const Keys keys(call.budget, bound.get(1), bound.flag(0, false));
  Dict seen;
  std::vector<Value> all;
  for (const Value& item : items_of(call.budget, call.input)) {
    const Value key = keys.of(item);
    require_defined(key);
    if (depth_of(key) == 0 && seen.find(call.budget, key) != nullptr) continue;
    seen.set(call.budget, key, Value(true));
    all.push_back(item);
  }
  return make_sequence(call.budget, std::move(all), SequenceKind::generator);
}

Value extreme(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"case_sensitive", "attribute"});
  const Keys keys(call.budget, bound.get(1), bound.flag(0, false));
  const auto all = items_of(call.budget, call.input);
  if (all.empty()) return Value::undefined("there is no item, the sequence is empty");
  const Value* best = &all.front();
  Value best_key = keys.of(*best);
  for (const Value& item : std::span(all).subspan(1)) {
    Value key = keys.of(item);
    const bool better = call.name == "max" ? less(call.budget, best_key, key)
                                           : less(call.budget, key, best_key);
    if (!better) continue;
    best = &item;
    best_key = std::move(key);
  }
  return *best;
}

Value sum(const FilterCall& call) {
  const Bound bound("sum", call.arguments, {"attribute", "start"});
  Value total = bound.get(1) != nullptr ? bound.at(1) : Value(std::int64_t{0});
  const bool by_attribute = bound.get(0) != nullptr && !bound.at(0).is_none();
  for (const Value& item : items_of(call.budget, call.input)) {
    total = arithmetic(call.budget, "+", total,
                       by_attribute ? attribute_path(call.budget, item, bound.at(0)) : item);
  }
  return total;
}

Value batch(const FilterCall& call) {
  const Bound bound("batch", call.arguments, {"linecount", "fill_with"}, 1);
  const std::int64_t size = to_integer(bound.at(0), "batch's size");
  if (size < 1 || size > 100'000) fail("batch's size is wrong", "1 to 100000", std::to_string(size));
  std::vector<Value> rows;
  std::vector<Value> row;
  const auto close = [&] {
    rows.push_back(make_sequence(call.budget, std::move(row)));
    row.clear();
  };
  for (const Value& item : items_of(call.budget, call.input)) {
    if (static_cast<std::int64_t>(row.size()) == size) close();
    row.push_back(item);
  }
  if (!row.empty() && bound.get(1) != nullptr && !bound.at(1).is_none()) {
    call.budget.spend(static_cast<std::size_t>(size));
    row.resize(static_cast<std::size_t>(size), bound.at(1));
  }
  if (!row.empty()) close();
  return make_sequence(call.budget, std::move(rows), SequenceKind::generator);
}

Value attr(const FilterCall& call) {
  const Bound bound("attr", call.arguments, {"name"}, 1);
  const std::string name = to_text(call.budget, bound.at(0));
  if (call.input.dict() != nullptr && method_of(call.budget, call.input, name).is_undefined()) {
    return Value::undefined("a dict has no attribute '" + name + "'");  // keys are not looked at
  }
  return attribute_of(call.budget, call.input, name);
}

constexpr std::array<FilterEntry, 15> kFilters = {{{"length", length_of},
                                                   {"count", length_of},
                                                   {"first", first},
                                                   {"last", last},
                                                   {"list", list},
                                                   {"reverse", reverse},
                                                   {"items", items},
                                                   {"sort", sort},
                                                   {"dictsort", dictsort},
                                                   {"unique", unique},
                                                   {"min", extreme},
                                                   {"max", extreme},
                                                   {"sum", sum},
                                                   {"batch", batch},
                                                   {"attr", attr}}};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kFilters; }

}  // namespace rl::text::jinja
