#include "src/text/added_tokens.h"

#include <algorithm>

#include "src/text/character_class.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

bool is_a_word(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && is_word(last_character(text.substr(0, begin)).code)) return false;
  return end == text.size() || !is_word(first_character(text.substr(end)).code);
}

std::size_t without_spaces_before(std::string_view text, std::size_t begin, std::size_t low) {
  while (begin > low) {
    const Character last = last_character(text.substr(0, begin));
    if (!is_whitespace(last.code)) break;
    begin -= last.length;
  }
  return begin;
}

std::size_t with_spaces_after(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const Character first = first_character(text.substr(end));
    if (!is_whitespace(first.code)) break;
    end += first.length;
  }
  return end;
}

AddedToken read_token(const JsonNode& node) {
  AddedToken token;
  token.id = static_cast<TokenId>(node["id"].integer(0, kMaxTokenId));
  token.content = node["content"].string();
  token.single_word = node["single_word"].boolean_or(false);
  token.lstrip = node["lstrip"].boolean_or(false);
  token.rstrip = node["rstrip"].boolean_or(false);
  token.special = node["special"].boolean_or(false);
  token.normalized = node["normalized"].boolean_or(!token.special);
  return token;
}

}  // namespace

void WordFinder::add(std::string_view word, std::size_t value) {
  if (word.empty()) return;
  starts_[static_cast<unsigned char>(word[0])] = true;
  std::uint32_t node = 0;
  for (const char byte : word) {
    std::uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      auto& children = nodes_[node].children;
      const std::pair<char, std::uint32_t> edge{byte, next};
      children.insert(std::lower_bound(children.begin(), children.end(), edge), edge);
      nodes_.emplace_back();
    }
    node = next;
  }
  // Of two tokens that normalise to the same text the first one counts.
  if (nodes_[node].value == kNoValue) nodes_[node].value = value;
}

std::uint32_t WordFinder::child(std::uint32_t node, char byte) const {
  const auto& children = nodes_[node].children;
  const auto found = std::lower_bound(children.begin(), children.end(),
                                      std::pair<char, std::uint32_t>{byte, 0});
  return found != children.end() && found->first == byte ? found->second : 0;
}

std::optional<WordFinder::Found> WordFinder::next(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    std::optional<Found> longest;
    std::uint32_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      node = child(node, text[at]);
      if (node == 0) break;
      if (nodes_[node].value != kNoValue) longest = Found{begin, at + 1, nodes_[node].value};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(const JsonNode& node, const Vocabulary& vocabulary,
                         const Normalizer& normalizer) {
  if (!node.missing()) read(node, vocabulary);
  // `tokenizers` looks for special tokens first, which matters for equal texts alone.
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const AddedToken& token = tokens_[i];
      if (token.special != special) continue;
      if (token.normalized) {
        normalized_.add(normalizer.apply(token.content).text, i);
      } else {
        as_written_.add(token.content, i);
      }
    }
  }
}

void AddedTokens::read(const JsonNode& node, const Vocabulary& vocabulary) {
  for (std::size_t i = 0; i < node.array_size(); ++i) {
    AddedToken token = read_token(node.at(i));
    if (token.content.empty()) continue;
    if (token.content.size() > kMaxContentBytes) {
      node.at(i)["content"].fail("too long",
                                 "at most " + std::to_string(kMaxContentBytes) + " bytes",
                                 std::to_string(token.content.size()));
    }
    const JsonNode id_node = node.at(i)["id"];
    const std::optional<TokenId> in_model = vocabulary.find(token.content);
    if (in_model && *in_model != token.id) {
      id_node.fail("does not agree with model.vocab", std::to_string(*in_model),
                   std::to_string(token.id));
    }
    if (!in_model && vocabulary.token(token.id) != nullptr) {
      id_node.fail("is another token's in model.vocab", "a free id", std::to_string(token.id));
    }
    if (!by_id_.emplace(token.id, tokens_.size()).second) {
      id_node.fail("is given twice", "a free id", std::to_string(token.id));
    }
    if (!by_content_.emplace(token.content, tokens_.size()).second) {
      node.at(i)["content"].fail("is given twice", "", "'" + token.content + "'");
    }
    end_ = std::max(end_, static_cast<std::size_t>(token.id) + 1);
    tokens_.push_back(std::move(token));
  }
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

std::vector<Segment> AddedTokens::split(std::string_view text, Kind kind, bool plain) const {
  std::vector<Segment> segments;
  std::size_t done = 0;  // up to here the segments go
  std::size_t from = 0;
  while (const auto found = finder(kind).next(text, from)) {
    from = found->end;
    const AddedToken& token = tokens_[found->value];
    if (plain && token.special) continue;
    std::size_t begin = found->begin;
    std::size_t end = found->end;
    if (token.single_word && !is_a_word(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(without_spaces_before(text, begin, done), done);
    if (token.rstrip) end = with_spaces_after(text, end);
    if (done < begin) segments.push_back({text.substr(done, begin - done), done, std::nullopt});
    segments.push_back({{}, begin, token.id});
    done = end;
  }
  if (done < text.size()) segments.push_back({text.substr(done), done, std::nullopt});
  return segments;
}

}  // namespace rl::text
