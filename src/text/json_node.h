// JSON that may be hostile, read with the path in every message.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "rl/core/error.h"

namespace rl::text {

using Json = nlohmann::json;

// Parses; Error for malformed JSON or brackets nested deeper than kMaxJsonDepth.
inline constexpr std::size_t kMaxJsonDepth = 64;
Json parse_json(std::string_view text, std::string_view where);

// A value and how it is reached, e.g. "model.vocab". The JSON and `where` must outlive it.
class JsonNode {
 public:
  JsonNode(const Json& value, std::string_view where) : JsonNode(value, where, "") {}

  const Json& value() const { return *value_; }
  bool missing() const { return value_->is_null(); }  // absent or null
  const std::string& path() const { return path_; }

  JsonNode operator[](std::string_view key) const;  // of an object; a null node when absent
  JsonNode at(std::size_t index) const;             // of an array
  std::size_t array_size() const;                   // Error unless an array

  std::string string() const;
  std::string string_or(std::string_view absent) const;
  bool boolean_or(bool absent) const;
  std::int64_t integer(std::int64_t low, std::int64_t high) const;  // Error unless low <= x <= high
  char32_t character() const;                                       // a string of one character

  [[noreturn]] void fail(std::string what, std::string expected = "", std::string got = "") const;
  // "<what> 'X' is not supported".
  [[noreturn]] void unsupported(std::string_view what, std::string_view kinds) const;

 private:
  JsonNode(const Json& value, std::string_view where, std::string path)
      : value_(&value), where_(where), path_(std::move(path)) {}

  const Json* value_;
  std::string_view where_;
  std::string path_;
};

}  // namespace rl::text
