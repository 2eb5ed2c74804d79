#include "src/language/json_text.h"

#include <algorithm>

#include "rl/core/error.h"

namespace rl::language {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 64;  // the library's own dump and copy recurse

[[noreturn]] void fail(std::string_view where, const std::string& what, std::string_view got) {
  throw Error({.where = std::string(where),
               .what = what,
               .expected = "strict JSON of at most " + std::to_string(kMaxDepth) + " levels",
               .got = brief_text(got),
               .remedy = "the file is cut short or damaged: fetch it again"});
}

}  // namespace

json parse_json(std::string_view text, std::string_view where) {
  if (text.find('\0') != text.npos) fail(where, "the text holds a NUL", "a NUL");
  try {
    return json::parse(text, [&](int depth, json::parse_event_t event, const json&) {
      const bool opens = event == json::parse_event_t::object_start ||
                         event == json::parse_event_t::array_start;
      if (opens && depth >= kMaxDepth) fail(where, "the JSON nests too deeply", "more levels");
      return true;
    });
  } catch (const json::exception& error) {
    fail(where, "this is not valid JSON", error.what());
  }
}

json parse_json_object(std::string_view text, std::string_view where) {
  json root = parse_json(text, where);
  if (!root.is_object()) fail(where, "this is not a JSON object", root.type_name());
  return root;
}

std::string brief_text(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string shown(text.substr(0, kLongest));
  std::ranges::replace_if(
      shown, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }, '?');
  return shown + (text.size() > kLongest ? "..." : "");
}

std::string brief(const json& value) {
  return brief_text(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

}  // namespace rl::language
