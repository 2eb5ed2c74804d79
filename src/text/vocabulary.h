// Tokens of the model and their ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rl/text/tokenizer.h"
#include "src/text/json_node.h"

namespace rl::text {

// Ids are below this, so that tables by id stay small whatever a file says.
inline constexpr TokenId kMaxTokenId = (1 << 22) - 1;

// Threads: immutable after construction. Not copied: the map's keys point into the texts.
class Vocabulary {
 public:
  // {"token": id, ...}. Throws Error when an id repeats or is out of range.
  explicit Vocabulary(const JsonNode& node);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  std::optional<TokenId> find(std::string_view token) const;
  // The token that is this one character; -1: none.
  TokenId character(char32_t code) const {
    return code < characters_.size() ? characters_[code] : -1;
  }
  const std::string* token(TokenId id) const;  // nullptr when there is none
  std::size_t end() const { return by_id_.size(); }  // largest id + 1
  std::size_t count() const { return ids_.size(); }
  const std::unordered_map<std::string_view, TokenId>& ids() const { return ids_; }

 private:
  void note_character(std::string_view token, TokenId id);

  std::vector<std::string> texts_;
  std::vector<std::int32_t> by_id_;  // place in texts_; -1: none
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<TokenId> characters_;  // by code; -1: no token
};

}  // namespace rl::text
