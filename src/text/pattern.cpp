#include "src/text/pattern.h"

#include <algorithm>

namespace rl::text {
namespace {

class StretchList {
 public:
  explicit StretchList(std::size_t size) : size_(size) {}
  void add_match(Span span) {
    if (end_ != span.begin) stretches_.push_back({{end_, span.begin}, false});
    stretches_.push_back({span, true});
    end_ = span.end;
  }
  Stretches finish() {
    if (end_ != size_) stretches_.push_back({{end_, size_}, false});
    return std::move(stretches_);
  }

 private:
  std::size_t size_;
  std::size_t end_ = 0;
  Stretches stretches_;
};

std::vector<Span> merge_with_previous(const Stretches& stretches) {
  std::vector<Span> pieces;
  bool after_match = false;
  for (const auto& [span, is_match] : stretches) {
    if (is_match && !after_match && !pieces.empty()) {
      pieces.back().end = span.end;
    } else {
      pieces.push_back(span);
    }
    after_match = is_match;
  }
  return pieces;
}

std::vector<Span> merge_with_next(const Stretches& stretches) {
  std::vector<Span> pieces;
  bool before_match = false;
  for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
    if (stretch->is_match && !before_match && !pieces.empty()) {
      pieces.back().begin = stretch->span.begin;
    } else {
      pieces.push_back(stretch->span);
    }
    before_match = stretch->is_match;
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<Span> join_neighbours(const Stretches& stretches) {
  std::vector<Span> pieces;
  bool last_is_match = false;
  for (const auto& [span, is_match] : stretches) {
    if (is_match == last_is_match && !pieces.empty()) {
      pieces.back().end = span.end;
    } else {
      pieces.push_back(span);
    }
    last_is_match = is_match;
  }
  return pieces;
}

}  // namespace

Pattern Pattern::from_json(const JsonNode& node) {
  if (const JsonNode literal_node = node["String"]; !literal_node.missing()) {
    std::string text = literal_node.string();
    if (text.empty()) literal_node.fail("empty", "at least one character");
    return literal(std::move(text));
  }
  const JsonNode regex_node = node["Regex"];
  if (regex_node.missing()) node.unsupported("pattern", "{\"String\": ...}, {\"Regex\": ...}");
  try {
    return regex(regex_node.string());
  } catch (const Error& error) {
    regex_node.fail(error.what());
  }
}

Stretches Pattern::find(std::string_view text) const {
  if (text.empty()) return {};  // nothing matches there, not even an empty match
  StretchList list(text.size());
  if (regex_) {
    Regex::Search search(*regex_, text);
    while (const auto found = search.next()) list.add_match(*found);
    return list.finish();
  }
  for (std::size_t at = text.find(literal_); at != text.npos;
       at = text.find(literal_, at + literal_.size())) {
    list.add_match({at, at + literal_.size()});
  }
  return list.finish();
}

std::string Pattern::replace(std::string_view text, std::string_view with) const {
  std::string result;
  result.reserve(text.size());
  for (const auto& [span, is_match] : find(text)) {
    result += is_match ? with : text.substr(span.begin, span.end - span.begin);
  }
  return result;
}

SplitBehavior split_behavior(const JsonNode& node) {
  const std::string name = node.string();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.unsupported("behavior",
                   "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

std::vector<Span> split(const Stretches& stretches, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::merged_with_previous: return merge_with_previous(stretches);
    case SplitBehavior::merged_with_next: return merge_with_next(stretches);
    case SplitBehavior::contiguous: return join_neighbours(stretches);
    case SplitBehavior::removed:
    case SplitBehavior::isolated: break;
  }
  std::vector<Span> pieces;
  pieces.reserve(stretches.size());
  for (const auto& [span, is_match] : stretches) {
    if (!is_match || behavior == SplitBehavior::isolated) pieces.push_back(span);
  }
  return pieces;
}

}  // namespace rl::text
