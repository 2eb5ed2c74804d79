#define PCRE2_CODE_UNIT_WIDTH 8
#include "src/text/regex.h"

#include <pcre2.h>

#include <array>

#include "rl/core/error.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};

std::string message_of(int code) {
  std::array<unsigned char, 160> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

std::unique_ptr<pcre2_code, FreeContext> compile(std::string_view pattern) {
  const std::unique_ptr<pcre2_compile_context, FreeContext> context(
      pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  const std::string syntax = pcre2_syntax(pattern);
  int error = 0;
  std::size_t offset = 0;
  std::unique_ptr<pcre2_code, FreeContext> code(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(syntax.data()), syntax.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
      context.get()));
  if (!code) {
    throw Error({.where = "regular expression '" + std::string(pattern) + "'",
                 .what = "not valid or not supported",
                 .got = message_of(error) + " at byte " + std::to_string(offset) + " of '" +
                        syntax + "'"});
  }
  return code;
}

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, FreeContext> code;
  std::unique_ptr<pcre2_match_context, FreeContext> limits;
};

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    throw Error({.where = "regular expression",
                 .what = "too long",
                 .expected = "at most " + std::to_string(kMaxPatternBytes) + " bytes",
                 .got = std::to_string(pattern.size())});
  }
  auto code = std::make_shared<Code>();
  code->code = compile(pattern);
  // Without the just-in-time compiler (some processors) the interpreter gives the same matches.
  pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);
  code->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(code->limits.get(), kMatchLimit);
  pcre2_set_heap_limit(code->limits.get(), kHeapLimitKibibytes);
  code_ = std::move(code);
}

Regex::Search::Search(const Regex& regex, std::string_view text)
    : regex_(regex),
      text_(text),
      match_(pcre2_match_data_create_from_pattern(regex.code_->code.get(), nullptr)) {}

Regex::Search::~Search() { pcre2_match_data_free(static_cast<pcre2_match_data*>(match_)); }

std::optional<Span> Regex::Search::match_from(std::size_t from) {
  auto* const match = static_cast<pcre2_match_data*>(match_);
  const auto attempt = [&](unsigned options) {
    return pcre2_match(regex_.code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text_.data()),
                       text_.size(), from, PCRE2_NO_UTF_CHECK | options, match,
                       regex_.code_->limits.get());
  };
  int result = attempt(0);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = attempt(PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) {
    throw Error({.where = "regular expression '" + regex_.pattern_ + "'",
                 .what = "search given up at byte " + std::to_string(from) + " of " +
                         std::to_string(text_.size()),
                 .got = message_of(result)});
  }
  const std::size_t* const ends = pcre2_get_ovector_pointer(match);
  // \K in a look-ahead can end a match before its beginning.
  if (ends[0] > ends[1] || ends[0] < from) {
    throw Error({.where = "regular expression '" + regex_.pattern_ + "'",
                 .what = "its matches overlap"});
  }
  return Span{ends[0], ends[1]};
}

std::optional<Span> Regex::Search::next() {
  while (position_ <= text_.size()) {
    const std::optional<Span> found = match_from(position_);
    if (!found) break;
    if (found->begin == found->end && last_end_ == found->end) {
      position_ += position_ < text_.size()
                       ? first_character(text_.substr(position_)).length
                       : 1;
      continue;
    }
    position_ = found->end;
    last_end_ = found->end;
    return found;
  }
  position_ = text_.size() + 1;
  return std::nullopt;
}

}  // namespace rl::text
