// What Split, Replace and the like look for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/json_node.h"
#include "src/text/regex.h"
#include "src/text/scanner.h"

namespace rl::text {

// A stretch of a text; all stretches together cover it.
struct Stretch {
  Span span;
  bool is_match = false;
};
using Stretches = std::vector<Stretch>;

// {"String": "..."} or {"Regex": "..."}. Threads: immutable after construction.
class Pattern {
 public:
  static Pattern from_json(const JsonNode& node);  // throws Error naming the node
  static Pattern regex(std::string_view pattern) { return Pattern("", Regex(pattern)); }
  static Pattern literal(std::string text) { return Pattern(std::move(text), std::nullopt); }

  Stretches find(std::string_view text) const;
  std::string replace(std::string_view text, std::string_view with) const;

 private:
  Pattern(std::string literal, std::optional<Regex> regex)
      : literal_(std::move(literal)), regex_(std::move(regex)) {}

  std::string literal_;  // when there is no regex
  std::optional<Regex> regex_;
};

// How a split treats what it found (SplitDelimiterBehavior).
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
SplitBehavior split_behavior(const JsonNode& node);  // throws Error

// The pieces that remain, left to right; some may be empty.
std::vector<Span> split(const Stretches& stretches, SplitBehavior behavior);

}  // namespace rl::text
