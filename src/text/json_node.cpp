#include "src/text/json_node.h"

#include "src/text/utf8.h"

namespace rl::text {
namespace {

const Json& null_json() {
  static const Json null;
  return null;
}

// Depth of brackets outside strings, before a parser that might recurse sees them.
std::size_t bracket_depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

std::string shortened(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  return text;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where) {
  if (const std::size_t depth = bracket_depth(text); depth > kMaxJsonDepth) {
    throw Error({.where = std::string(where),
                 .what = "JSON is nested too deeply",
                 .expected = "at most " + std::to_string(kMaxJsonDepth) + " levels",
                 .got = std::to_string(depth)});
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error({.where = std::string(where),
                 .what = "malformed JSON",
                 .got = error.what(),
                 .remedy = "the file may be cut off; fetch it again"});
  }
}

JsonNode JsonNode::operator[](std::string_view key) const {
  if (!value_->is_object()) fail("wrong type", "an object", shortened(*value_));
  const auto found = value_->find(key);
  std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  return {found == value_->end() ? null_json() : *found, where_, std::move(path)};
}

JsonNode JsonNode::at(std::size_t index) const {
  return {(*value_)[index], where_, path_ + "[" + std::to_string(index) + "]"};
}

std::size_t JsonNode::array_size() const {
  if (!value_->is_array()) fail("wrong type", "an array", shortened(*value_));
  return value_->size();
}

std::string JsonNode::string() const {
  if (!value_->is_string()) fail("wrong type", "a string", shortened(*value_));
  return value_->get<std::string>();
}

std::string JsonNode::string_or(std::string_view absent) const {
  return missing() ? std::string(absent) : string();
}

bool JsonNode::boolean_or(bool absent) const {
  if (missing()) return absent;
  if (!value_->is_boolean()) fail("wrong type", "true or false", shortened(*value_));
  return value_->get<bool>();
}

std::int64_t JsonNode::integer(std::int64_t low, std::int64_t high) const {
  const bool fits = value_->is_number_unsigned()
                        ? value_->get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                        : value_->is_number_integer() && value_->get<std::int64_t>() <= high;
  if (!fits || value_->get<std::int64_t>() < low) {
    fail("number out of range",
         "an integer from " + std::to_string(low) + " to " + std::to_string(high),
         shortened(*value_));
  }
  return value_->get<std::int64_t>();
}

char32_t JsonNode::character() const {
  const std::string text = string();
  if (text.empty() || first_character(text).length != text.size()) {
    fail("wrong length", "one character", "'" + text + "'");
  }
  return first_character(text).code;
}

void JsonNode::fail(std::string what, std::string expected, std::string got) const {
  throw Error({.where = std::string(where_),
               .what = (path_.empty() ? std::string("the file") : path_) + ": " + what,
               .expected = std::move(expected),
               .got = std::move(got)});
}

void JsonNode::unsupported(std::string_view what, std::string_view kinds) const {
  fail("this " + std::string(what) + " is not supported", "one of " + std::string(kinds),
       shortened(*value_));
}

}  // namespace rl::text
