#include "rl/text/tokenizer.h"
#include "src/text/tokenizer_tables.h"

namespace rl::text {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)),
      skip_special_tokens_(skip_special_tokens),
      decoding_(tokenizer_.tables_->decoder.start()) {}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(TokenId id) {
  const std::string& token = tokenizer_.tables_->need(id);
  if (!skip_special_tokens_ || !tokenizer_.is_special(id)) decoding_->push(token);
  return decoding_->take();
}

std::string StreamDecoder::finish() {
  decoding_->finish();
  std::string rest = decoding_->take();
  decoding_ = tokenizer_.tables_->decoder.start();
  return rest;
}

}  // namespace rl::text
