// Everything that a tokenizer.json says.
#pragma once

#include "rl/text/tokenizer.h"
#include "src/text/added_tokens.h"
#include "src/text/bpe.h"
#include "src/text/decoder.h"
#include "src/text/normalizer.h"
#include "src/text/post_processor.h"
#include "src/text/pre_tokenizer.h"

namespace rl::text {

struct Tokenizer::Tables {
  explicit Tables(const JsonNode& file);

  std::vector<TokenId> encode(std::string_view text, bool plain) const;
  void encode_segment(const Segment& segment, bool plain, std::vector<TokenId>& ids) const;
  void encode_pieces(std::vector<Piece>& pieces, TextStore& store,
                     std::vector<TokenId>& ids) const;
  const std::string* find(TokenId id) const;     // nullptr when there is none
  const std::string& need(TokenId id) const;     // throws Error
  bool is_special(TokenId id) const;

  std::string where;
  Bpe model;
  Normalizer normalizer;
  AddedTokens added;
  PreTokenizer pre_tokenizer;
  std::size_t end;  // largest id + 1
  PostProcessor post_processor;
  Decoder decoder;
};

}  // namespace rl::text
