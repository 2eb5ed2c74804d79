// The "added_tokens" part of tokenizer.json: tokens that text is searched for before all else.
#pragma once

#include <cstdint>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/text/json_node.h"
#include "src/text/normalizer.h"
#include "src/text/vocabulary.h"

namespace rl::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
  bool special = false;
};

// A piece of text, or a token in place of one.
struct Segment {
  std::string_view text;
  std::size_t begin = 0;  // in the text that was split
  std::optional<TokenId> token;
};

// Finds the leftmost of some words, the longest where several begin. Threads: immutable after
// the last add().
class WordFinder {
 public:
  void add(std::string_view word, std::size_t value);
  bool empty() const { return nodes_.size() == 1; }
  struct Found {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t value = 0;
  };
  std::optional<Found> next(std::string_view text, std::size_t from) const;

 private:
  static constexpr std::size_t kNoValue = ~std::size_t{0};
  struct Node {
    std::size_t value = kNoValue;
    std::vector<std::pair<char, std::uint32_t>> children;
  };
  std::uint32_t child(std::uint32_t node, char byte) const;  // 0: none

  std::vector<Node> nodes_{1};
  std::array<bool, 256> starts_{};
};

// Threads: immutable after construction.
class AddedTokens {
 public:
  static constexpr std::size_t kMaxContentBytes = 1024;

  // Throws Error: ids or contents that repeat, or do not agree with the model's vocabulary.
  AddedTokens(const JsonNode& node, const Vocabulary& vocabulary, const Normalizer& normalizer);

  const AddedToken* find(TokenId id) const;
  const AddedToken* find(std::string_view content) const;
  std::size_t end() const { return end_; }  // largest id + 1; 0 without tokens

  // Cuts out the tokens that are looked for in text as it is, or in normalised text. With `plain`
  // special ones are left in the text.
  enum class Kind { as_written, normalized };
  bool none(Kind kind) const { return finder(kind).empty(); }
  std::vector<Segment> split(std::string_view text, Kind kind, bool plain) const;

 private:
  void read(const JsonNode& node, const Vocabulary& vocabulary);
  const WordFinder& finder(Kind kind) const {
    return kind == Kind::as_written ? as_written_ : normalized_;
  }

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, std::size_t> by_content_;
  std::unordered_map<TokenId, std::size_t> by_id_;
  std::size_t end_ = 0;
  WordFinder as_written_;
  WordFinder normalized_;
};

}  // namespace rl::text
