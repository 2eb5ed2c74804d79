// Truth, equality, order and membership.
#include <algorithm>
#include <cmath>

#include "src/text/jinja_operations.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

// -1, 0, 1; 2 when not a number is among them. Whole numbers are compared exactly.
int compare_numbers(const Value& a, const Value& b) {
  const auto whole = [](const Value& value) -> std::optional<std::int64_t> {
    if (const auto* flag = value.get<bool>()) return *flag ? 1 : 0;
    if (const auto* number = value.get<std::int64_t>()) return *number;
    return std::nullopt;
  };
  const auto left = whole(a);
  const auto right = whole(b);
  if (left && right) return *left < *right ? -1 : *left > *right ? 1 : 0;
  // long double holds every 64-bit number and every double on x86-64; elsewhere it is not smaller
  // than a double.
  const auto wide = [](const Value& value, const std::optional<std::int64_t>& number) {
    return number ? static_cast<long double>(*number)
                  : static_cast<long double>(*value.get<double>());
  };
  const long double x = wide(a, left);
  const long double y = wide(b, right);
  if (std::isnan(x) || std::isnan(y)) return 2;
  return x < y ? -1 : x > y ? 1 : 0;
}

bool equal_items(Budget& budget, const Sequence& a, const Sequence& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.kind >= SequenceKind::view) {
    return false;
  }
  return std::ranges::equal(a.items, b.items, [&budget](const Value& x, const Value& y) {
    return equal(budget, x, y);
  });
}

bool equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (&a == &b) return true;
  if (a.entries().size() != b.entries().size()) return false;
  return std::ranges::all_of(a.entries(), [&](const Dict::Entry& entry) {
    const Value* other = b.find(budget, entry.first);
    return other != nullptr && equal(budget, entry.second, *other);
  });
}

bool less_items(Budget& budget, const Sequence& a, const Sequence& b) {
  const std::size_t shared = std::min(a.items.size(), b.items.size());
  for (std::size_t i = 0; i < shared; ++i) {
    if (!equal(budget, a.items[i], b.items[i])) return less(budget, a.items[i], b.items[i]);
  }
  return a.items.size() < b.items.size();
}

}  // namespace

bool is_true(const Value& value) {
  if (const auto* flag = value.get<bool>()) return *flag;
  if (const auto* text = value.text()) return !text->empty();
  if (const auto* whole = value.get<std::int64_t>()) return *whole != 0;
  if (const auto* real = value.get<double>()) return *real != 0;
  if (const auto* items = value.sequence()) {
    return items->kind == SequenceKind::generator || !items->items.empty();
  }
  if (const auto* dict = value.dict()) return !dict->entries().empty();
  return !value.is_undefined() && !value.is_none();
}

bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.spend(1);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.data().index() != b.data().index()) return false;
  if (const auto* text = a.text()) {
    if (text->size() != b.text()->size()) return false;
    budget.spend_text(text->size());
    return *text == *b.text();
  }
  if (const auto* items = a.sequence()) return equal_items(budget, *items, *b.sequence());
  if (const auto* dict = a.dict()) return equal_dicts(budget, *dict, *b.dict());
  if (a.is_undefined() || a.is_none()) return true;
  if (const auto* loop = a.get<std::shared_ptr<Loop>>()) {
    return *loop == *b.get<std::shared_ptr<Loop>>();
  }
  if (const auto* space = a.get<Namespace*>()) return *space == *b.get<Namespace*>();
  return *a.get<std::shared_ptr<const Function>>() == *b.get<std::shared_ptr<const Function>>();
}

bool less(Budget& budget, const Value& a, const Value& b) {
  budget.spend(1);
  require_defined(a);
  require_defined(b);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == -1;
  if (a.is_text() && b.is_text()) {
    budget.spend_text(std::min(a.text()->size(), b.text()->size()));
    return *a.text() < *b.text();  // UTF-8 keeps the order of code points
  }
  if (a.sequence() != nullptr && b.sequence() != nullptr &&
      a.sequence()->kind == b.sequence()->kind && a.sequence()->kind <= SequenceKind::tuple) {
    return less_items(budget, *a.sequence(), *b.sequence());
  }
  fail("these cannot be ordered", "two numbers, two strings or two lists",
       std::string(a.type_name()) + " and " + b.type_name());
}

bool contains(Budget& budget, const Value& container, const Value& item) {
  if (const auto* text = container.text()) {
    require_defined(item);
    if (!item.is_text()) fail("'in' needs a string on its left", "a string", describe(item));
    budget.spend_text(text->size() + item.text()->size());
    return find(*text, *item.text()) != std::string::npos;
  }
  if (const auto* dict = container.dict()) return dict->find(budget, item) != nullptr;
  if (const auto* items = container.sequence()) {
    return std::ranges::any_of(items->items,
                               [&](const Value& one) { return equal(budget, one, item); });
  }
  if (container.is_undefined()) return false;
  fail("'in' needs a string, a list or a dict on its right", "one of these", describe(container));
}

bool compare(Budget& budget, std::string_view symbol, const Value& a, const Value& b) {
  if (symbol == "==") return equal(budget, a, b);
  if (symbol == "!=") return !equal(budget, a, b);
  if (symbol == "in") return contains(budget, b, a);
  if (symbol == "not in") return !contains(budget, b, a);
  if (symbol == "<") return less(budget, a, b);
  if (symbol == ">") return less(budget, b, a);
  const bool reversed = symbol == "<=" ? less(budget, a, b) : less(budget, b, a);
  return reversed || equal(budget, a, b);
}

}  // namespace rl::text::jinja
