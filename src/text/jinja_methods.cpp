// Methods of strings and dicts, as Python has them.
#include <algorithm>
#include <array>
#include <span>

#include "src/text/jinja_operations.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

struct Call {
  Budget& budget;
  const Value& self;
  const Arguments& arguments;
  std::string_view text() const { return *self.text(); }
};
using Method = Value (*)(const Call&);
struct Entry {
  std::string_view name;
  Method call;
};

std::string_view text_argument(const Value& value, const char* method) {
  require_defined(value);
  if (!value.is_text()) {
    fail(std::string(method) + " takes a string", "a string", describe(value));
  }
  return *value.text();
}

Value made_text(Budget& budget, std::string_view text) {
  TextBuilder out(budget);
  out << text;
  return Value(out.take());
}

enum Sides { left = 1, right = 2 };

Value stripped(const Call& call, const char* name, int sides) {
  const Bound bound(name, call.arguments, {"chars"});
  std::string_view text = call.text();
  if (bound.get(0) == nullptr || bound.at(0).is_none()) {
    if ((sides & left) != 0) text = strip_left(text);
    if ((sides & right) != 0) text = strip_right(text);
  } else {
    const auto set = text_argument(bound.at(0), name);
    call.budget.spend(text.size() / 16 * (set.size() + 1));
    if ((sides & left) != 0) text = strip_left(text, set);
    if ((sides & right) != 0) text = strip_right(text, set);
  }
  return made_text(call.budget, text);
}

Value strip(const Call& call) { return stripped(call, "strip", left | right); }
Value lstrip(const Call& call) { return stripped(call, "lstrip", left); }
Value rstrip(const Call& call) { return stripped(call, "rstrip", right); }

template <std::string (*change)(std::string_view)>
Value changed(const Call& call) {
  const Bound none("the method", call.arguments, {});
  call.budget.spend(call.text().size());
  return made_text(call.budget, change(call.text()));
}

template <bool at_end>
Value has_edge(const Call& call) {
  const char* name = at_end ? "endswith" : "startswith";
  const Bound bound(name, call.arguments, {"text"}, 1);
  const auto matches = [&](const Value& value) {
    const auto edge = text_argument(value, name);
    call.budget.spend_text(edge.size());
    return at_end ? call.text().ends_with(edge) : call.text().starts_with(edge);
  };
  if (const auto* choices = bound.at(0).sequence();
      choices != nullptr && choices->kind == SequenceKind::tuple) {
    return Value(std::ranges::any_of(choices->items, matches));
  }
  return Value(matches(bound.at(0)));
}

std::vector<Value> split_at_space(Budget& budget, std::string_view text, std::int64_t most) {
  std::vector<Value> pieces;
  text = strip_left(text);
  while (!text.empty()) {
    budget.spend(3);
    if (most >= 0 && static_cast<std::int64_t>(pieces.size()) == most) {
      pieces.emplace_back(text);
      break;
    }
    std::size_t end = 0;
    while (end < text.size() && space_prefix(text.substr(end, 4)) == 0) {
      end += character_bytes(text[end]);
    }
    pieces.emplace_back(text.substr(0, end));
    text = strip_left(text.substr(end));
  }
  return pieces;
}

Value split(const Call& call) {
  const Bound bound("split", call.arguments, {"sep", "maxsplit"});
  const std::int64_t most = bound.get(1) != nullptr ? to_integer(bound.at(1), "maxsplit") : -1;
  std::string_view text = call.text();
  call.budget.spend_text(2 * text.size());
  if (bound.get(0) == nullptr || bound.at(0).is_none()) {
    return make_sequence(call.budget, split_at_space(call.budget, text, most));
  }
  const auto separator = text_argument(bound.at(0), "split");
  if (separator.empty()) fail("split takes a separator that is not empty");
  std::vector<Value> pieces;
  while (most < 0 || static_cast<std::int64_t>(pieces.size()) < most) {
    call.budget.spend(3);
    const std::size_t at = find(text, separator);
    if (at == text.npos) break;
    pieces.emplace_back(text.substr(0, at));
    text = text.substr(at + separator.size());
  }
  pieces.emplace_back(text);
  return make_sequence(call.budget, std::move(pieces));
}

Value rsplit(const Call& call) {
  const Bound bound("rsplit", call.arguments, {"sep", "maxsplit"}, 1);
  const auto separator = text_argument(bound.at(0), "rsplit");
  if (separator.empty()) fail("rsplit takes a separator that is not empty");
  if (separator.size() > 64) fail("rsplit takes a separator of at most 64 bytes");
  const std::int64_t most = bound.get(1) != nullptr ? to_integer(bound.at(1), "maxsplit") : -1;
  std::string_view text = call.text();
  call.budget.spend(text.size());
  std::vector<Value> pieces;
  while (most < 0 || static_cast<std::int64_t>(pieces.size()) < most) {
    call.budget.spend(3);
    const std::size_t at = text.rfind(separator);
    if (at == text.npos) break;
    pieces.emplace_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  pieces.emplace_back(text);
  std::ranges::reverse(pieces);
  return make_sequence(call.budget, std::move(pieces));
}

Value splitlines(const Call& call) {
  const Bound bound("splitlines", call.arguments, {"keepends"});
  const bool keep = bound.flag(0, false);
  call.budget.spend_text(call.text().size());
  std::vector<Value> lines;
  for (std::string_view text = call.text(); !text.empty();) {
    call.budget.spend(3);
    const std::size_t end = line_end(text);
    const std::size_t after = end + line_break(text.substr(end));
    lines.emplace_back(text.substr(0, keep ? after : end));
    text = text.substr(after);
  }
  return make_sequence(call.budget, std::move(lines));
}

Value replace(const Call& call) {
  const Bound bound("replace", call.arguments, {"old", "new", "count"}, 2);
  const std::int64_t most = bound.get(2) != nullptr ? to_integer(bound.at(2), "count") : -1;
  TextBuilder out(call.budget);
  replace_text(out, call.text(), text_argument(bound.at(0), "replace"),
               text_argument(bound.at(1), "replace"), most);
  return Value(out.take());
}

Value join(const Call& call) {
  const Bound bound("join", call.arguments, {"iterable"}, 1);
  TextBuilder out(call.budget);
  bool first = true;
  for (const Value& item : items_of(call.budget, bound.at(0))) {
    if (!first) out << call.text();
    first = false;
    out << text_argument(item, "join");
  }
  return Value(out.take());
}

template <bool required>
Value position(const Call& call) {
  const Bound bound(required ? "index" : "find", call.arguments, {"sub"}, 1);
  call.budget.spend_text(call.text().size());
  const std::size_t at = find(call.text(), text_argument(bound.at(0), "find"));
  if (at != std::string_view::npos) {
    return Value(static_cast<std::int64_t>(length(call.text().substr(0, at))));
  }
  if (required) fail("index does not find the text", describe(bound.at(0)), "nothing");
  return Value(std::int64_t{-1});
}

Value count(const Call& call) {
  const Bound bound("count", call.arguments, {"sub"}, 1);
  const auto piece = text_argument(bound.at(0), "count");
  call.budget.spend_text(call.text().size());
  if (piece.empty()) return Value(static_cast<std::int64_t>(length(call.text()) + 1));
  std::int64_t found = 0;
  for (std::size_t at = 0; (at = find(call.text(), piece, at)) != std::string_view::npos;) {
    call.budget.spend(1);
    ++found;
    at += piece.size();
  }
  return Value(found);
}

template <bool suffix>
Value without_edge(const Call& call) {
  const Bound bound(suffix ? "removesuffix" : "removeprefix", call.arguments, {"text"}, 1);
  const auto edge = text_argument(bound.at(0), suffix ? "removesuffix" : "removeprefix");
  std::string_view text = call.text();
  if (suffix && text.ends_with(edge)) text = text.substr(0, text.size() - edge.size());
  if (!suffix && text.starts_with(edge)) text = text.substr(edge.size());
  return made_text(call.budget, text);
}

template <bool (*accepts)(char32_t)>
Value all_are(const Call& call) {
  const Bound none("the method", call.arguments, {});
  call.budget.spend(call.text().size());
  return Value(!call.text().empty() &&
               std::ranges::all_of(characters(call.text()), [](std::string_view character) {
                 return accepts(character_at(character));
               }));
}
bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }

// str.format with {}, {0} and {name}, without conversions.
Value format(const Call& call) {
  TextBuilder out(call.budget);
  const std::string_view text = call.text();
  std::size_t automatic = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool twice = i + 1 < text.size() && text[i] == text[i + 1];
    if (text[i] != '{' && text[i] != '}') {
      out << text.substr(i, 1);
    } else if (twice) {
      out << text.substr(i++, 1);
    } else {
      const std::size_t end = text.find('}', i);
      if (text[i] == '}' || end == text.npos) fail("a format string has a single brace");
      const auto name = text.substr(i + 1, end - i - 1);
      const bool numbered = !name.empty() && name.size() < 4 &&
                            std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
      const Value* found = nullptr;
      if (name.empty() || numbered) {
        const auto index = name.empty() ? automatic++ : std::stoul(std::string(name));
        if (index < call.arguments.positional.size()) found = &call.arguments.positional[index];
      }
      for (const auto& [key, value] : call.arguments.named) found = key == name ? &value : found;
      if (found == nullptr) {
        fail("format has no value for a place", "{}, {0} or {name} of an argument",
             "{" + std::string(name.substr(0, 40)) + "}");
      }
      print(out, *found);
      i = end;
    }
  }
  return Value(out.take());
}

Value dict_items(const Call& call) {
  const Bound none("items", call.arguments, {});
  return dict_pairs(call.budget, *call.self.dict(), SequenceKind::view);
}

Value keys(const Call& call) {
  const Bound none("keys", call.arguments, {});
  return make_sequence(call.budget, items_of(call.budget, call.self), SequenceKind::view);
}

Value values(const Call& call) {
  const Bound none("values", call.arguments, {});
  std::vector<Value> all;
  call.budget.spend(call.self.dict()->entries().size());
  for (const auto& entry : call.self.dict()->entries()) all.push_back(entry.second);
  return make_sequence(call.budget, std::move(all), SequenceKind::view);
}

Value get(const Call& call) {
  const Bound bound("get", call.arguments, {"key", "default"}, 1);
  const Value* found = call.self.dict()->find(call.budget, bound.at(0));
  if (found != nullptr) return *found;
  return bound.get(1) != nullptr ? bound.at(1) : Value(None{});
}

Value copy(const Call& call) { return call.self; }  // nothing changes a value

Value refuse(const Call&) {
  fail("a template may not change its values", "a method that only reads", "",
       "make a new value, or keep it in a namespace");
}

Value list_index(const Call& call) {
  const Bound bound("index", call.arguments, {"value"}, 1);
  const auto& items = call.self.sequence()->items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (equal(call.budget, items[i], bound.at(0))) return Value(static_cast<std::int64_t>(i));
  }
  fail("index does not find the value", describe(bound.at(0)), "nothing");
}

Value list_count(const Call& call) {
  const Bound bound("count", call.arguments, {"value"}, 1);
  const auto& items = call.self.sequence()->items;
  return Value(static_cast<std::int64_t>(std::ranges::count_if(
      items, [&](const Value& item) { return equal(call.budget, item, bound.at(0)); })));
}

constexpr std::array<Entry, 24> kTextMethods = {{{"strip", strip},
                                                 {"lstrip", lstrip},
                                                 {"rstrip", rstrip},
                                                 {"split", split},
                                                 {"rsplit", rsplit},
                                                 {"splitlines", splitlines},
                                                 {"startswith", has_edge<false>},
                                                 {"endswith", has_edge<true>},
                                                 {"upper", changed<upper>},
                                                 {"lower", changed<lower>},
                                                 {"title", changed<title_method>},
                                                 {"capitalize", changed<capitalize>},
                                                 {"replace", replace},
                                                 {"join", join},
                                                 {"find", position<false>},
                                                 {"index", position<true>},
                                                 {"count", count},
                                                 {"removeprefix", without_edge<false>},
                                                 {"removesuffix", without_edge<true>},
                                                 {"isdigit", all_are<is_ascii_digit>},
                                                 {"isalpha", all_are<is_letter>},
                                                 {"isspace", all_are<is_space>},
                                                 {"format", format},
                                                 {"casefold", changed<lower>}}};
constexpr std::array<Entry, 11> kDictMethods = {{{"items", dict_items},
                                                 {"keys", keys},
                                                 {"values", values},
                                                 {"get", get},
                                                 {"copy", copy},
                                                 {"update", refuse},
                                                 {"pop", refuse},
                                                 {"popitem", refuse},
                                                 {"setdefault", refuse},
                                                 {"clear", refuse},
                                                 {"fromkeys", refuse}}};
constexpr std::array<Entry, 9> kListMethods = {{{"index", list_index},
                                                {"count", list_count},
                                                {"copy", copy},
                                                {"append", refuse},
                                                {"extend", refuse},
                                                {"insert", refuse},
                                                {"pop", refuse},
                                                {"sort", refuse},
                                                {"reverse", refuse}}};

std::span<const Entry> methods_of(const Value& object) {
  if (object.is_text()) return kTextMethods;
  if (object.dict() != nullptr) return kDictMethods;
  const auto* items = object.sequence();
  if (items != nullptr && items->kind <= SequenceKind::tuple) return kListMethods;
  return {};
}

}  // namespace

Value method_of(Budget& budget, const Value& object, std::string_view name) {
  for (const Entry& entry : methods_of(object)) {
    if (entry.name != name) continue;
    const std::size_t depth = depth_of(object) + 1;
    if (depth > ChatTemplate::kMaxDepth) fail("a value nests too deeply");
    budget.spend(8);
    return std::make_shared<const Function>(
        Function{.name = std::string(name),
                 .call = [&budget, object, method = entry.call](const Arguments& arguments) {
                   return method({budget, object, arguments});
                 },
                 .depth = depth});
  }
  return {};
}

}  // namespace rl::text::jinja
