// value is test(...).
#include <algorithm>
#include <array>

#include "rl/core/suggest.h"
#include "src/text/jinja_filters.h"
#include "src/text/jinja_parser.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

using Plain = bool (*)(const Value&);
struct PlainEntry {
  std::string_view name;
  Plain holds;
};

bool is_list(const Value& value) {
  return value.sequence() != nullptr && value.sequence()->kind <= SequenceKind::tuple;
}
bool is_flag(const Value& value, bool wanted) {
  const auto* flag = value.get<bool>();
  return flag != nullptr && *flag == wanted;
}
bool is_cased(const Value& value, std::string (*change)(std::string_view),
              std::string (*other)(std::string_view)) {
  const auto* text = value.text();
  return text != nullptr && change(*text) == *text && other(*text) != *text;
}

constexpr std::array<PlainEntry, 19> kPlain = {
    {{"defined", [](const Value& v) { return !v.is_undefined(); }},
     {"undefined", [](const Value& v) { return v.is_undefined(); }},
     {"none", [](const Value& v) { return v.is_none(); }},
     {"string", [](const Value& v) { return v.is_text(); }},
     {"mapping", [](const Value& v) { return v.dict() != nullptr; }},
     {"number", [](const Value& v) { return v.is_number(); }},
     {"integer", [](const Value& v) { return v.is_integer(); }},
     {"float", [](const Value& v) { return v.is_real(); }},
     {"boolean", [](const Value& v) { return v.get<bool>() != nullptr; }},
     {"true", [](const Value& v) { return is_flag(v, true); }},
     {"false", [](const Value& v) { return is_flag(v, false); }},
     {"sequence",
      [](const Value& v) {
        return is_list(v) || v.is_text() || v.dict() != nullptr || v.is_undefined();
      }},
     {"iterable",
      [](const Value& v) {
        return v.sequence() != nullptr || v.is_text() || v.dict() != nullptr || v.is_undefined();
      }},
     {"callable",
      [](const Value& v) { return v.get<std::shared_ptr<const Function>>() != nullptr; }},
     {"lower", [](const Value& v) { return is_cased(v, lower, upper); }},
     {"upper", [](const Value& v) { return is_cased(v, upper, lower); }},
     {"filter", [](const Value& v) { return v.is_text() && is_filter(*v.text()); }},
     {"test", [](const Value& v) { return v.is_text() && is_test(*v.text()); }},
     {"escaped", [](const Value&) { return false; }}}};

// Tests that do arithmetic or take one argument.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kComparing = {
    {{"==", "=="}, {"eq", "=="}, {"equalto", "=="}, {"!=", "!="}, {"ne", "!="}, {"<", "<"},
     {"lt", "<"}, {"lessthan", "<"}, {"<=", "<="}, {"le", "<="}, {">", ">"}, {"gt", ">"},
     {"greaterthan", ">"}, {">=", ">="}, {"ge", ">="}, {"in", "in"}, {"sameas", "sameas"}}};
constexpr std::array<std::string_view, 3> kDividing = {"even", "odd", "divisibleby"};

bool same(Budget& budget, const Value& a, const Value& b) {
  if (a.data().index() != b.data().index()) return false;
  if (a.sequence() != nullptr) return a.sequence() == b.sequence();
  if (a.dict() != nullptr) return a.dict() == b.dict();
  return equal(budget, a, b);
}

bool divides(Budget& budget, std::string_view name, const Value& input,
             const Arguments& arguments) {
  const bool named = name == "divisibleby";
  const Value two(std::int64_t{2});
  if (!named) {
    const Bound none(name, arguments, {});
    return is_true(arithmetic(budget, "%", input, two)) == (name == "odd");
  }
  const Bound bound(name, arguments, {"num"}, 1);
  return !is_true(arithmetic(budget, "%", input, bound.at(0)));
}

}  // namespace

bool is_test(std::string_view name) {
  return std::ranges::find(kPlain, name, &PlainEntry::name) != kPlain.end() ||
         std::ranges::find(kDividing, name) != kDividing.end() ||
         std::ranges::find(kComparing, name, [](const auto& entry) { return entry.first; }) !=
             kComparing.end();
}

std::vector<std::string> test_names() {
  std::vector<std::string> names(kDividing.begin(), kDividing.end());
  for (const auto& entry : kPlain) names.emplace_back(entry.name);
  for (const auto& entry : kComparing) names.emplace_back(entry.first);
  std::ranges::sort(names);
  return names;
}

bool apply_test(Budget& budget, std::string_view name, const Value& input,
                const Arguments& arguments) {
  budget.spend(1);
  if (const auto found = std::ranges::find(kPlain, name, &PlainEntry::name);
      found != kPlain.end()) {
    const Bound none(name, arguments, {});
    if (const auto* text = input.text(); text != nullptr && name.ends_with("er")) {
      budget.spend(2 * text->size());  // lower and upper read it all
    }
    return found->holds(input);
  }
  for (const auto& [known, symbol] : kComparing) {
    if (known != name) continue;
    const Bound bound(name, arguments, {"other"}, 1);
    if (symbol == "sameas") return same(budget, input, bound.at(0));
    return compare(budget, symbol, input, bound.at(0));
  }
  if (std::ranges::find(kDividing, name) != kDividing.end()) {
    return divides(budget, name, input, arguments);
  }
  fail("there is no test '" + std::string(name) + "'", "a test this engine knows", "",
       suggest(name, test_names()));
}

}  // namespace rl::text::jinja
