#include "src/text/vocabulary.h"

#include "src/text/utf8.h"

namespace rl::text {
namespace {

TokenId checked_id(const JsonNode& node, const std::string& token, const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMaxTokenId) {
    return value.get<TokenId>();
  }
  node.fail("id of '" + token + "' out of range",
            "an integer from 0 to " + std::to_string(kMaxTokenId),
            value.is_structured() ? "an array or object" : value.dump());
}

}  // namespace

Vocabulary::Vocabulary(const JsonNode& node) {
  if (!node.value().is_object()) node.fail("wrong type", "an object of tokens and ids");
  texts_.reserve(node.value().size());  // never moves: the keys of ids_ point into it
  ids_.reserve(node.value().size());
  for (const auto& [token, value] : node.value().items()) {
    const TokenId id = checked_id(node, token, value);
    const auto place = static_cast<std::size_t>(id);
    if (place >= by_id_.size()) by_id_.resize(place + 1, -1);
    if (by_id_[place] >= 0) {
      node.fail("id " + std::to_string(id) + " is given twice", "an id for each token",
                "'" + texts_[static_cast<std::size_t>(by_id_[place])] + "' and '" + token + "'");
    }
    by_id_[place] = static_cast<std::int32_t>(texts_.size());
    texts_.push_back(token);
    ids_.emplace(texts_.back(), id);
    note_character(texts_.back(), id);
  }
}

void Vocabulary::note_character(std::string_view token, TokenId id) {
  if (token.empty() || valid_prefix(token) != token.size()) return;
  const Character first = first_character(token);
  if (first.length != token.size()) return;
  if (first.code >= characters_.size()) characters_.resize(first.code + 1, -1);
  characters_[first.code] = id;
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* Vocabulary::token(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= by_id_.size()) return nullptr;
  const std::int32_t place = by_id_[static_cast<std::size_t>(id)];
  return place < 0 ? nullptr : &texts_[static_cast<std::size_t>(place)];
}

}  // namespace rl::text
