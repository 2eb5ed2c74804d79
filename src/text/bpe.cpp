#include "src/text/bpe.h"

#include <atomic>

#include "src/text/byte_level.h"
#include "src/text/utf8.h"
#include "src/text/word_cache.h"

namespace rl::text {
namespace {

constexpr TokenId kNoToken = -1;
constexpr std::size_t kLongWord = 24;  // symbols

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

const JsonNode& checked_kind(const JsonNode& model) {
  const JsonNode type = model["type"];
  // Files of before 2020 do not say the type.
  if (type.string_or("BPE") != "BPE") type.unsupported("model", "BPE");
  const JsonNode dropout = model["dropout"];
  if (!dropout.missing() && !(dropout.value().is_number() && dropout.value().get<double>() == 0)) {
    dropout.fail("random merges are not supported", "null or 0");
  }
  return model;
}

std::size_t merge_count(const JsonNode& model) { return model["merges"].array_size(); }

std::string hexadecimal_token(std::size_t byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">";
}

}  // namespace

Bpe::Bpe(const JsonNode& model)
    : vocabulary_(checked_kind(model)["vocab"]),
      merges_(merge_count(model)),
      joints_(vocabulary_, merge_count(model)),
      prefix_(model["continuing_subword_prefix"].string_or("")),
      suffix_(model["end_of_word_suffix"].string_or("")),
      fuse_unknown_(model["fuse_unk"].boolean_or(false)),
      byte_fallback_(model["byte_fallback"].boolean_or(false)),
      ignore_merges_(model["ignore_merges"].boolean_or(false)),
      serial_(next_serial()) {
  if (const JsonNode unknown = model["unk_token"]; !unknown.missing()) {
    unknown_token_ = unknown.string();
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    fallback_[byte] = vocabulary_.find(hexadecimal_token(byte)).value_or(kNoToken);
  }
  read_merges(model);
}

void Bpe::read_merges(const JsonNode& model) {
  const JsonNode merges = model["merges"];
  std::int32_t rank = 0;
  for (std::size_t i = 0; i < merges.array_size(); ++i) {
    const Json& merge = merges.value()[i];
    if (merge.is_string()) {
      const auto& line = merge.get_ref<const std::string&>();
      if (line.starts_with("#version")) continue;
      const std::size_t space = line.find(' ');
      if (space == line.npos || line.find(' ', space + 1) != line.npos) {
        merges.at(i).fail("not a merge", "two tokens with one space between", "'" + line + "'");
      }
      const std::string_view text = line;
      add_merge(merges.at(i), text.substr(0, space), text.substr(space + 1), rank++);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      add_merge(merges.at(i), merge[0].get_ref<const std::string&>(),
                merge[1].get_ref<const std::string&>(), rank++);
    } else {
      merges.at(i).fail("not a merge", "\"a b\" or [\"a\", \"b\"]");
    }
  }
}

void Bpe::add_merge(const JsonNode& node, std::string_view left, std::string_view right,
                    std::int32_t rank) {
  const auto need = [&](std::string_view token) {
    const std::optional<TokenId> id = vocabulary_.find(token);
    if (!id) {
      node.fail("merge of unknown tokens", "tokens of model.vocab",
                "'" + std::string(token) + "'");
    }
    return *id;
  };
  if (right.size() < prefix_.size()) {
    node.fail("the right token is shorter than continuing_subword_prefix", "",
              "'" + std::string(right) + "'");
  }
  const TokenId left_id = need(left);
  const TokenId right_id = need(right);
  merges_.set(left_id, right_id,
              {rank, need(std::string(left) + std::string(right.substr(prefix_.size())))});
  joints_.add(left_id, right_id);
}

bool Bpe::use_bytes() {
  if (!prefix_.empty() || !suffix_.empty()) return false;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::optional<TokenId> id = vocabulary_.find(byte_texts()[byte]);
    if (!id) return false;
    bytes_[byte] = *id;
  }
  words_are_bytes_ = true;
  return true;
}

void Bpe::index_whole_words(const std::function<bool(std::string_view)>& is_special) {
  if (!ignore_merges_) return;
  for (const auto& [token, id] : vocabulary_.ids()) {
    if (is_special(token)) continue;
    if (!words_are_bytes_) {
      whole_words_.emplace(token, id);
    } else if (auto bytes = characters_to_bytes(token)) {
      whole_words_.emplace(std::move(*bytes), id);
    }
  }
}

void Bpe::encode(std::string_view word, std::vector<TokenId>& ids) const {
  const bool decorated = !prefix_.empty() || !suffix_.empty();
  if (words_are_bytes_ || decorated || ignore_merges_ || WordCache::fits(word)) {
    encode_word(word, ids);
  } else {
    encode_stretches(word, ids);
  }
}

// A model without a pre-tokenizer makes one word of a whole text. It falls into short ones, which
// repeat, between characters that no merge joins.
void Bpe::encode_stretches(std::string_view word, std::vector<TokenId>& ids) const {
  Character left = first_character(word);
  std::size_t begin = 0;
  for (std::size_t at = left.length; at < word.size();) {
    const Character right = first_character(word.substr(at));
    if (!may_join(left.code, right.code)) {
      encode_word(word.substr(begin, at - begin), ids);
      begin = at;
    }
    at += right.length;
    left = right;
  }
  encode_word(word.substr(begin), ids);
}

// A character without a token of its own may become bytes, or one unknown token with its neighbours.
bool Bpe::may_join(char32_t left, char32_t right) const {
  if (joints_.possible(left, right)) return true;
  return vocabulary_.character(left) == kNoToken || vocabulary_.character(right) == kNoToken;
}

void Bpe::encode_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.empty()) return;
  const bool cached = WordCache::fits(word);
  if (cached) {
    const auto known = WordCache::of_this_thread().find(serial_, word);
    if (!known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      return;
    }
  }
  std::vector<TokenId> symbols;
  const auto whole = ignore_merges_ ? whole_words_.find(std::string(word)) : whole_words_.end();
  if (whole != whole_words_.end()) {
    symbols.push_back(whole->second);
  } else {
    symbols.reserve(word.size());
    find_symbols(word, symbols);
    // With a prefix a token's text is not that of its parts, and joints tell nothing.
    if (symbols.size() > kLongWord && prefix_.empty()) {
      merge_stretches(merges_, joints_, symbols);
    } else {
      merge_word(merges_, symbols);
    }
  }
  if (cached) WordCache::of_this_thread().store(serial_, word, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void Bpe::find_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  if (words_are_bytes_) {
    for (const char byte : word) symbols.push_back(bytes_[static_cast<unsigned char>(byte)]);
    return;
  }
  const bool decorated = !prefix_.empty() || !suffix_.empty();
  std::optional<TokenId> unknown;  // seen, but not yet among the symbols
  for (std::size_t at = 0; at < word.size();) {
    const Character first = first_character(word.substr(at));
    const std::string_view character = word.substr(at, first.length);
    if (decorated) {
      const bool last = at + first.length == word.size();
      const std::string symbol =
          (at == 0 ? "" : prefix_) + std::string(character) + (last ? suffix_ : "");
      add_character(symbol, vocabulary_.find(symbol), symbols, unknown);
    } else {
      const TokenId id = vocabulary_.character(first.code);
      add_character(character, id == kNoToken ? std::nullopt : std::optional(id), symbols, unknown);
    }
    at += first.length;
  }
  if (unknown) symbols.push_back(*unknown);
}

void Bpe::add_character(std::string_view character, std::optional<TokenId> id,
                        std::vector<TokenId>& symbols, std::optional<TokenId>& unknown) const {
  if (id) {
    if (unknown) symbols.push_back(*unknown);
    unknown.reset();
    symbols.push_back(*id);
    return;
  }
  // Byte tokens overtake an unknown token that is waiting to be fused: as `tokenizers` does it.
  if (byte_fallback_ && fall_back_to_bytes(character, symbols)) return;
  if (unknown_token_) add_unknown(symbols, unknown);
}

bool Bpe::fall_back_to_bytes(std::string_view text, std::vector<TokenId>& symbols) const {
  for (const char byte : text) {
    if (fallback_[static_cast<unsigned char>(byte)] == kNoToken) return false;
  }
  for (const char byte : text) symbols.push_back(fallback_[static_cast<unsigned char>(byte)]);
  return true;
}

void Bpe::add_unknown(std::vector<TokenId>& symbols, std::optional<TokenId>& unknown) const {
  const std::optional<TokenId> id = vocabulary_.find(*unknown_token_);
  if (!id) {
    throw Error({.where = "tokenizer",
                 .what = "the text needs the unknown token '" + *unknown_token_ +
                         "', which is not in model.vocab"});
  }
  if (unknown && !fuse_unknown_) symbols.push_back(*unknown);
  unknown = id;
}

}  // namespace rl::text
