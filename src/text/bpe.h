// The "model" part of tokenizer.json: byte-pair encoding of one word at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/text/joints.h"
#include "src/text/json_node.h"
#include "src/text/merges.h"
#include "src/text/vocabulary.h"

namespace rl::text {

// Threads: immutable after use_bytes().
class Bpe {
 public:
  // Throws Error: not a BPE model, unknown tokens in merges, dropout.
  explicit Bpe(const JsonNode& model);

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // From now on words are bytes, and stand for the characters that byte-level vocabularies write
  // them as. False, and no change, when this model cannot do so by itself.
  bool use_bytes();

  // After use_bytes(): which words are tokens of their own (`ignore_merges`), all but special ones.
  void index_whole_words(const std::function<bool(std::string_view)>& is_special);

  // Appends the ids of a word, which is valid UTF-8 unless use_bytes(). Throws Error when the
  // unknown token is needed but is not in the vocabulary.
  void encode(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  void read_merges(const JsonNode& model);
  void add_merge(const JsonNode& node, std::string_view left, std::string_view right,
                 std::int32_t rank);
  void encode_word(std::string_view word, std::vector<TokenId>& ids) const;
  void encode_stretches(std::string_view word, std::vector<TokenId>& ids) const;
  bool may_join(char32_t left, char32_t right) const;
  void find_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void add_character(std::string_view character, std::optional<TokenId> id,
                     std::vector<TokenId>& symbols, std::optional<TokenId>& unknown) const;
  bool fall_back_to_bytes(std::string_view text, std::vector<TokenId>& symbols) const;
  void add_unknown(std::vector<TokenId>& symbols, std::optional<TokenId>& unknown) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  Joints joints_;
  std::string prefix_;  // of symbols that continue a word
  std::string suffix_;  // of the symbol that ends one
  std::optional<std::string> unknown_token_;
  bool fuse_unknown_;
  bool byte_fallback_;
  bool ignore_merges_;
  std::array<TokenId, 256> fallback_{};  // "<0x00>" ...; -1: none
  bool words_are_bytes_ = false;
  std::array<TokenId, 256> bytes_{};  // tokens of single bytes, when words are bytes
  std::unordered_map<std::string, TokenId> whole_words_;
  std::uint64_t serial_;  // marks our words in the cache
};

}  // namespace rl::text
