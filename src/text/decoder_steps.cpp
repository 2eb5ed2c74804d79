#include "src/text/decoder_steps.h"

#include <algorithm>

#include "src/text/byte_level.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<char> byte_of(const std::string& token) {  // "<0x0A>"
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const int high = hexadecimal_digit(token[3]);
  const int low = hexadecimal_digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace

void ByteLevelStep::token(const std::string& text) {
  pending_ += characters_to_bytes(text).value_or(text);
  std::string certain;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const std::size_t valid = valid_prefix(rest);
    certain += rest.substr(0, valid);
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Step step = utf8_step(rest);
    if (step.cut_off) break;
    certain += kReplacementCharacter;
    rest.remove_prefix(step.length);
  }
  pending_ = std::string(rest);
  next().part(certain);
}

void ByteLevelStep::finish() {
  next().part(replace_invalid(pending_));
  pending_.clear();
  next().end_token();
  next().finish();
}

void ByteFallbackStep::token(const std::string& text) {
  if (const auto byte = byte_of(text)) {
    run_ += *byte;
    return;
  }
  flush();
  emit(text);
}

void ByteFallbackStep::flush() {
  if (run_.empty()) return;
  if (valid_prefix(run_) == run_.size()) {
    emit(run_);
  } else {
    for (std::size_t i = 0; i < run_.size(); ++i) emit(kReplacementCharacter);
  }
  run_.clear();
}

void ByteFallbackStep::finish() {
  flush();
  next().finish();
}

void FuseStep::finish() {
  next().end_token();
  next().finish();
}

void StripStartStep::part(std::string_view text) {
  while (left_ > 0 && !text.empty()) {
    if (text.starts_with(character_)) {
      text.remove_prefix(character_.size());
      --left_;
    } else {
      left_ = 0;
    }
  }
  next().part(text);
}

void StripStartStep::end_token() {
  left_ = most_;
  next().end_token();
}

void MetaspaceDecodeStep::part(std::string_view text) {
  const std::string_view with = drop_ ? "" : " ";
  next().part(Pattern::literal(replacement_).replace(text, with));
}

void MetaspaceDecodeStep::end_token() {
  drop_ = false;
  next().end_token();
}

void JoinStep::part(std::string_view text) {
  if (!first_ && !open_) next().part(" ");
  open_ = true;
  next().part(text);
}

void JoinStep::end_token() {
  if (!open_) part("");  // an empty token has its space too
  first_ = false;
  open_ = false;
  next().end_token();
}

std::string strip_token(const std::string& token, const std::string& character, std::size_t start,
                        std::size_t stop) {
  std::string_view text = token;
  std::size_t begin = 0;
  std::size_t end = text.size();
  for (; start > 0 && text.substr(begin).starts_with(character); --start) {
    begin += character.size();
  }
  for (; stop > 0 && text.substr(0, end).ends_with(character); --stop) end -= character.size();
  return begin < end ? std::string(text.substr(begin, end - begin)) : std::string();
}

}  // namespace rl::text
