// map, select, reject, selectattr, rejectattr.
#include <array>

#include "src/text/jinja_filters.h"

namespace rl::text::jinja {
namespace {

// The arguments behind the first `used`.
Arguments rest_of(const Arguments& arguments, std::size_t used) {
  Arguments rest{.positional = {}, .named = arguments.named};
  for (std::size_t i = used; i < arguments.positional.size(); ++i) {
    rest.positional.push_back(arguments.positional[i]);
  }
  return rest;
}

std::string name_at(const FilterCall& call, std::size_t index, const char* described) {
  const auto& given = call.arguments.positional;
  if (index >= given.size() || !given[index].is_text()) {
    fail(std::string(call.name) + " needs " + described, described,
         index >= given.size() ? "nothing" : describe(given[index]));
  }
  return *given[index].text();
}

Value map_attribute(const FilterCall& call) {
  const Bound bound("map", call.arguments, {"attribute", "default"}, 1);
  std::vector<Value> all;
  for (const Value& item : items_of(call.budget, call.input)) {
    Value value = attribute_path(call.budget, item, bound.at(0));
    if (value.is_undefined() && bound.get(1) != nullptr) value = bound.at(1);
    all.push_back(std::move(value));
  }
  return make_sequence(call.budget, std::move(all), SequenceKind::generator);
}

Value map(const FilterCall& call) {
  if (call.arguments.positional.empty() && !call.arguments.named.empty()) {
    return map_attribute(call);
  }
  const std::string name = name_at(call, 0, "the name of a filter");
  const Arguments rest = rest_of(call.arguments, 1);
  std::vector<Value> all;
  for (const Value& item : items_of(call.budget, call.input)) {
    all.push_back(apply_filter(call.budget, name, item, rest));
  }
  return make_sequence(call.budget, std::move(all), SequenceKind::generator);
}

Value chosen(const FilterCall& call, bool by_attribute, bool wanted) {
  const std::size_t used = by_attribute ? 1 : 0;
  if (by_attribute && call.arguments.positional.empty()) {
    fail(std::string(call.name) + " needs the name of an attribute");
  }
  const bool tests = call.arguments.positional.size() > used;
  const std::string test = tests ? name_at(call, used, "the name of a test") : std::string();
  const Arguments rest = rest_of(call.arguments, used + 1);
  std::vector<Value> all;
  for (const Value& item : items_of(call.budget, call.input)) {
    const Value value =
        by_attribute ? attribute_path(call.budget, item, call.arguments.positional[0]) : item;
    const bool holds = tests ? apply_test(call.budget, test, value, rest) : is_true(value);
    if (holds == wanted) all.push_back(item);
  }
  return make_sequence(call.budget, std::move(all), SequenceKind::generator);
}

Value select(const FilterCall& call) { return chosen(call, false, true); }
Value reject(const FilterCall& call) { return chosen(call, false, false); }
Value selectattr(const FilterCall& call) { return chosen(call, true, true); }
Value rejectattr(const FilterCall& call) { return chosen(call, true, false); }

constexpr std::array<FilterEntry, 5> kFilters = {{{"map", map},
                                                  {"select", select},
                                                  {"reject", reject},
                                                  {"selectattr", selectattr},
                                                  {"rejectattr", rejectattr}}};

}  // namespace

std::span<const FilterEntry> select_filters() { return kFilters; }

}  // namespace rl::text::jinja
