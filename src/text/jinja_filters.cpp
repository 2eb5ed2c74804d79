#include "src/text/jinja_filters.h"

#include <algorithm>
#include <array>

#include "rl/core/suggest.h"
#include "src/text/jinja_parser.h"

namespace rl::text::jinja {
namespace {

Filter filter_named(std::string_view name) {
  for (const auto table : {text_filters(), number_filters(), sequence_filters(), select_filters()}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return entry.apply;
    }
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) { return filter_named(name) != nullptr; }

std::vector<std::string> filter_names() {
  std::vector<std::string> names;
  for (const auto table : {text_filters(), number_filters(), sequence_filters(), select_filters()}) {
    for (const FilterEntry& entry : table) names.emplace_back(entry.name);
  }
  std::ranges::sort(names);
  return names;
}

Value apply_filter(Budget& budget, std::string_view name, const Value& input,
                   const Arguments& arguments) {
  const Filter filter = filter_named(name);
  if (filter == nullptr) {
    fail("there is no filter '" + std::string(name) + "'", "a filter this engine knows", "",
         suggest(name, filter_names()));
  }
  return filter({budget, name, input, arguments});
}

Value attribute_path(Budget& budget, const Value& object, const Value& path) {
  if (!path.is_text()) return item_of(budget, object, path);
  Value value = object;
  std::string_view rest = *path.text();
  budget.spend_text(rest.size());
  while (true) {
    const std::size_t dot = rest.find('.');
    const auto part = rest.substr(0, dot);
    const bool number = !part.empty() && part.size() < 10 &&
                        part.find_first_not_of("0123456789") == part.npos;
    value = item_of(budget, value,
                    number ? Value(std::int64_t{std::stoll(std::string(part))}) : Value(part));
    if (dot == rest.npos) return value;
    rest = rest.substr(dot + 1);
  }
}

}  // namespace rl::text::jinja
