// Filters that make text.
#include <array>

#include "src/text/jinja_filters.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

Value made_text(Budget& budget, std::string_view text) {
  TextBuilder out(budget);
  out << text;
  return Value(out.take());
}

template <std::string (*change)(std::string_view)>
Value changed(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  const std::string text = to_text(call.budget, call.input);
  call.budget.spend(text.size());
  return made_text(call.budget, change(text));
}

Value trim(const FilterCall& call) {
  const Bound bound("trim", call.arguments, {"chars"});
  const std::string text = to_text(call.budget, call.input);
  if (bound.get(0) == nullptr || bound.at(0).is_none()) {
    return made_text(call.budget, strip_left(strip_right(text)));
  }
  const std::string set = to_text(call.budget, bound.at(0));
  call.budget.spend(text.size() / 16 * (set.size() + 1));
  return made_text(call.budget, strip_left(strip_right(text, set), set));
}

Value replace(const FilterCall& call) {
  const Bound bound("replace", call.arguments, {"old", "new", "count"}, 2);
  const bool all = bound.get(2) == nullptr || bound.at(2).is_none();
  TextBuilder out(call.budget);
  replace_text(out, to_text(call.budget, call.input), to_text(call.budget, bound.at(0)),
               to_text(call.budget, bound.at(1)), all ? -1 : to_integer(bound.at(2), "count"));
  return Value(out.take());
}

Value join(const FilterCall& call) {
  const Bound bound("join", call.arguments, {"d", "attribute"});
  const std::string between =
      bound.get(0) != nullptr ? to_text(call.budget, bound.at(0)) : std::string();
  TextBuilder out(call.budget);
  bool first = true;
  for (const Value& item : items_of(call.budget, call.input)) {
    if (!first) out << between;
    first = false;
    print(out, bound.get(1) != nullptr ? attribute_path(call.budget, item, bound.at(1)) : item);
  }
  return Value(out.take());
}

Value indent(const FilterCall& call) {
  const Bound bound("indent", call.arguments, {"width", "first", "blank"});
  std::string space(4, ' ');
  if (bound.get(0) != nullptr && bound.at(0).is_text()) {
    space = *bound.at(0).text();
  } else if (bound.get(0) != nullptr) {
    const std::int64_t width = to_integer(bound.at(0), "indent's width");
    if (width > 1000) fail("indent's width is too large", "at most 1000", std::to_string(width));
    space.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
  }
  const bool blank = bound.flag(2, false);
  const std::string text = to_text(call.budget, call.input) + "\n";
  TextBuilder out(call.budget);
  bool first = true;
  for (std::string_view rest = text; !rest.empty(); first = false) {
    const std::size_t end = line_end(rest);
    if (!first) out << "\n";
    if (first ? bound.flag(1, false) : blank || end > 0) out << space;
    out << rest.substr(0, end);
    rest = rest.substr(end + line_break(rest.substr(end)));
  }
  return Value(out.take());
}

Value tojson(const FilterCall& call) {
  const Bound bound("tojson", call.arguments,
                    {"ensure_ascii", "indent", "separators", "sort_keys"});
  require_defined(call.input);
  JsonStyle style{.ascii = bound.flag(0, false), .sort_keys = bound.flag(3, false)};
  if (bound.get(1) != nullptr && !bound.at(1).is_none()) {
    if (bound.at(1).is_text()) {
      style.indent = *bound.at(1).text();
    } else {
      const std::int64_t width = to_integer(bound.at(1), "tojson's indent");
      if (width > 100) fail("tojson's indent is too large", "at most 100", std::to_string(width));
      style.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
    }
    style.item_separator = ",";
  }
  if (bound.get(2) != nullptr && !bound.at(2).is_none()) {
    const auto* pair = bound.at(2).sequence();
    if (pair == nullptr || pair->items.size() != 2 || !pair->items[0].is_text() ||
        !pair->items[1].is_text()) {
      fail("tojson's separators are malformed", "two strings", describe(bound.at(2)));
    }
    style.item_separator = *pair->items[0].text();
    style.key_separator = *pair->items[1].text();
  }
  TextBuilder out(call.budget);
  print_json(out, call.input, style);
  return Value(out.take());
}

Value string(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  if (call.input.is_text()) return call.input;
  return Value(to_text(call.budget, call.input));
}

Value format(const FilterCall& call) {
  if (!call.arguments.named.empty()) fail("format takes arguments by position only");
  return format_percent(
      call.budget, to_text(call.budget, call.input),
      make_sequence(call.budget, call.arguments.positional, SequenceKind::tuple));
}

constexpr std::array<FilterEntry, 12> kFilters = {{{"trim", trim},
                                                   {"lower", changed<lower>},
                                                   {"upper", changed<upper>},
                                                   {"capitalize", changed<capitalize>},
                                                   {"title", changed<title_filter>},
                                                   {"replace", replace},
                                                   {"join", join},
                                                   {"indent", indent},
                                                   {"tojson", tojson},
                                                   {"string", string},
                                                   {"safe", string},
                                                   {"format", format}}};

}  // namespace

std::span<const FilterEntry> text_filters() { return kFilters; }

}  // namespace rl::text::jinja
