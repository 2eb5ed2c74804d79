// Text to token ids and back, from Hugging Face's tokenizer.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rl::text {

using TokenId = std::int32_t;
class Decoding;

// Byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM2) and sentencepiece-style BPE with byte fallback
// (Llama 2), with added tokens and their flags, normaliser, post-processor and decoder. Ids equal
// those of the PyPI package `tokenizers`.
// Text is UTF-8. Bytes that are not valid UTF-8 are read as U+FFFD, one per maximal invalid part
// (Unicode 15, section 3.9), exactly as Python's bytes.decode(errors="replace").
// Threads: immutable after construction; any number of threads at once. Copies share their tables.
class Tokenizer {
 public:
  static constexpr std::size_t kMaxFileBytes = std::size_t{128} << 20;

  // Throws Error naming `where` and the JSON path for malformed JSON, parts of a kind that is not
  // supported (named), ids that repeat or leave the vocabulary (ids are below 4,194,304), or merges
  // of unknown tokens. "truncation" and "padding" are passed over: no text is cut or filled up.
  static Tokenizer from_json(std::string_view json, std::string_view where);
  // <folder>/tokenizer.json. Throws Error when it is missing or malformed.
  static Tokenizer load(const std::filesystem::path& folder);

  // The ids of `text`. Added tokens written out in the text become their ids (as `tokenizers`
  // does); `add_special_tokens` runs the post-processor (e.g. a leading BOS).
  // Throws Error when a pattern of the file takes more steps on this text than the limit, or the
  // text needs an unknown token that the vocabulary lacks.
  std::vector<TokenId> encode(std::string_view text, bool add_special_tokens = true) const;
  // Only what a chat or prompt author may say: special tokens in the text stay plain text, and the
  // post-processor does not run.
  std::vector<TokenId> encode_plain(std::string_view text) const;
  // Text of the ids; invalid UTF-8 becomes U+FFFD. Throws Error for an id outside the vocabulary.
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens = false) const;

  std::size_t vocabulary_size() const;  // largest id + 1, added tokens included
  std::optional<TokenId> id_of(std::string_view token) const;
  // The token as it is written in the file ("Ġthe", "<0x0A>"). Throws Error when there is none.
  std::string_view token(TokenId id) const;
  bool is_special(TokenId id) const;  // false for ids that do not exist
  // The smallest id that is not the same token in both; none when a sequence of ids means the same
  // to two models that have these tokenizers.
  std::optional<TokenId> first_difference(const Tokenizer& other) const;
  // Throws Error naming `where` (this one's place) and the first id that the two do not write
  // alike: what was made of ids by the one would be nonsense to a model of the other.
  void require_same_tokens(const Tokenizer& wanted, std::string_view where) const;

 private:
  friend class StreamDecoder;
  struct Tables;
  explicit Tokenizer(std::shared_ptr<const Tables> tables);
  std::shared_ptr<const Tables> tables_;
};

// Decodes ids one by one; half a character is held back until it is whole, so that the pieces put
// together are decode() of all ids. With a byte-fallback decoder a run of byte tokens is held back
// until it ends, because only then is it known whether the run is text. Threads: one at a time.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens = true);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  // The text that has become certain, often empty. Throws Error, and changes nothing, for an id
  // outside the vocabulary.
  std::string push(TokenId id);
  std::string finish();  // what was held back; starts anew

 private:
  Tokenizer tokenizer_;
  bool skip_special_tokens_;
  std::unique_ptr<Decoding> decoding_;
};

// A tokenizer.json (byte-level BPE without merges) whose tokens are the 256 bytes, then the special
// tokens <|bos|> (256), <|eos|> (257), <|pad|> (258). For models made from nothing.
std::string byte_tokenizer_json();

}  // namespace rl::text
