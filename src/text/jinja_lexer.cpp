#include "src/text/jinja_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "src/text/jinja_failure.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

// Python's universal newlines, and one newline at the end dropped.
std::string normalized(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

constexpr std::array<std::string_view, 27> kSymbols = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
    "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "!"};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)) {}

  std::vector<Token> run() {
    while (position_ < source_.size()) root();
    push(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Failure{{.where = {}, .what = what}, line_}; }
  std::string_view rest() const { return std::string_view(source_).substr(position_); }
  bool at(std::string_view text) const { return rest().starts_with(text); }

  void push(TokenKind kind, std::string text) {
    tokens_.push_back({.kind = kind, .text = std::move(text), .line = line_});
  }

  void advance(std::size_t bytes) {
    const auto piece = std::string_view(source_).substr(position_, bytes);
    line_ += static_cast<int>(std::ranges::count(piece, '\n'));
    if (!piece.empty()) line_starting_ = piece.back() == '\n';
    position_ += bytes;
  }
  void skip_space() { advance(space_prefix(rest())); }

  // The text before a tag: '-' strips all space, and a block alone on its line loses its indent.
  std::string_view before_tag(std::string_view text, char sign, bool lstrip) const {
    if (sign == '-') return strip_right(text);
    if (sign == '+' || !lstrip) return text;
    const std::size_t newline = text.rfind('\n');
    const std::size_t line = newline == text.npos ? 0 : newline + 1;
    if (line == 0 && !line_starting_) return text;
    return space_prefix(text.substr(line)) == text.size() - line ? text.substr(0, line) : text;
  }

  static char sign_of(char c) { return c == '-' || c == '+' ? c : ' '; }

  void root() {
    std::size_t tag = position_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == source_.npos || tag + 1 >= source_.size()) tag = source_.size();
      if (tag == source_.size()) break;
      const char next = source_[tag + 1];
      if (next == '{' || next == '%' || next == '#') break;
    }
    const std::string_view text = std::string_view(source_).substr(position_, tag - position_);
    if (tag == source_.size()) {
      if (!text.empty()) push(TokenKind::text, std::string(text));
      advance(text.size());
      return;
    }
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? sign_of(source_[tag + 2]) : ' ';
    const std::string_view kept = before_tag(text, sign, kind != '{');
    if (!kept.empty()) push(TokenKind::text, std::string(kept));
    advance(text.size() + 2 + (sign == ' ' ? 0 : 1));
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    push(kind == '{' ? TokenKind::expression_begin : TokenKind::block_begin, "");
    inside(kind == '{' ? "}}" : "%}");
  }

  // After "%}" or "#}": trim_blocks drops one newline, '-' all space, '+' nothing.
  void close(char sign) {
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && at("\n")) {
      advance(1);
    }
  }

  void comment() {
    const std::size_t end = source_.find("#}", position_);
    if (end == source_.npos) fail("a comment is not closed by '#}'");
    const char sign = end > position_ ? sign_of(source_[end - 1]) : ' ';
    advance(end + 2 - position_);
    close(sign);
  }

  // At "raw %}" (after "{%"): takes everything up to endraw as text.
  bool raw() {
    std::size_t end = position_;
    if (!match_word(end, "raw")) return false;
    const bool strip = source_.compare(end, 3, "-%}") == 0;
    if (!strip && source_.compare(end, 2, "%}") != 0) return false;
    advance(end + (strip ? 3 : 2) - position_);
    if (strip) skip_space();
    for (std::size_t tag = position_;; ++tag) {
      tag = source_.find("{%", tag);
      if (tag == source_.npos) fail("a raw block is not closed by endraw");
      std::size_t after = tag + 2;
      const char sign = after < source_.size() ? sign_of(source_[after]) : ' ';
      if (sign != ' ') ++after;
      if (!match_word(after, "endraw")) continue;
      const char last = after < source_.size() ? sign_of(source_[after]) : ' ';
      if (last != ' ') ++after;
      if (source_.compare(after, 2, "%}") != 0) continue;
      const auto text = std::string_view(source_).substr(position_, tag - position_);
      const std::string kept(before_tag(text, sign, true));
      if (!kept.empty()) push(TokenKind::text, kept);
      advance(after + 2 - position_);
      close(last);
      return true;
    }
  }

  // Moves `at` over [space] word [space].
  bool match_word(std::size_t& at, std::string_view word) const {
    std::size_t next = at + space_prefix(std::string_view(source_).substr(at));
    if (source_.compare(next, word.size(), word) != 0) return false;
    next += word.size();
    at = next + space_prefix(std::string_view(source_).substr(next));
    return true;
  }

  void inside(std::string_view closing) {
    std::string brackets;
    while (true) {
      skip_space();
      if (position_ >= source_.size()) {
        fail("a tag is not closed by '" + std::string(closing) + "'");
      }
      if (brackets.empty() && end_of_tag(closing)) return;
      item(brackets);
    }
  }

  bool end_of_tag(std::string_view closing) {
    const bool block = closing == "%}";
    char sign = sign_of(source_[position_]);
    if (sign == '+' && !block) sign = ' ';
    const std::size_t offset = sign == ' ' ? 0 : 1;
    if (!rest().substr(offset).starts_with(closing)) return false;
    push(block ? TokenKind::block_end : TokenKind::expression_end, "");
    advance(offset + 2);
    if (block) {
      close(sign);
    } else if (sign == '-') {
      skip_space();
    }
    return true;
  }

  void item(std::string& brackets) {
    const char first = source_[position_];
    if (is_digit(first)) return number();
    if (is_name_start(first)) return name();
    if (first == '\'' || first == '"') return string(first);
    const auto symbol =
        std::ranges::find_if(kSymbols, [this](std::string_view text) { return at(text); });
    if (symbol == kSymbols.end() || *symbol == "!") {
      fail("unexpected character " + quoted(rest().substr(0, character_bytes(first))));
    }
    balance(*symbol, brackets);
    push(TokenKind::symbol, std::string(*symbol));
    advance(symbol->size());
  }

  void balance(std::string_view symbol, std::string& brackets) const {
    if (symbol == "(") brackets += ')';
    if (symbol == "[") brackets += ']';
    if (symbol == "{") brackets += '}';
    if (symbol != ")" && symbol != "]" && symbol != "}") return;
    if (brackets.empty() || brackets.back() != symbol[0]) {
      fail("unexpected '" + std::string(symbol) + "'" +
           (brackets.empty() ? "" : std::string(", expected '") + brackets.back() + "'"));
    }
    brackets.pop_back();
  }

  void name() {
    std::size_t end = position_;
    while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
    push(TokenKind::name, source_.substr(position_, end - position_));
    advance(end - position_);
  }

  std::size_t digits(std::size_t from) const {
    while (from < source_.size() && (is_digit(source_[from]) || source_[from] == '_')) ++from;
    return from;
  }

  void number() {
    const bool after_dot = position_ > 0 && source_[position_ - 1] == '.';
    std::size_t end = digits(position_);
    bool real = false;
    const auto digit_at = [this](std::size_t i) { return i < source_.size() && is_digit(source_[i]); };
    if (!after_dot && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      real = true;
      end = digits(end + 1);
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const bool sign = end + 1 < source_.size() && sign_of(source_[end + 1]) != ' ';
      if (digit_at(end + (sign ? 2 : 1))) {
        real = true;
        end = digits(end + (sign ? 2 : 1));
      }
    }
    std::string text = source_.substr(position_, end - position_);
    std::erase(text, '_');
    Token token{.kind = real ? TokenKind::real : TokenKind::integer, .text = text, .line = line_};
    const char* last = text.data() + text.size();
    const auto result = real ? std::from_chars(text.data(), last, token.real)
                             : std::from_chars(text.data(), last, token.integer);
    if (result.ec != std::errc() || result.ptr != last || (!real && text.size() > 1 && text[0] == '0')) {
      fail("the number " + text + " is not one this engine can hold");
    }
    tokens_.push_back(std::move(token));
    advance(end - position_);
  }

  void string(char quote) {
    std::size_t end = position_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a string is not closed");
    const auto body = std::string_view(source_).substr(position_ + 1, end - position_ - 1);
    const auto text = unescape(body);
    if (!text) fail("a string holds a malformed escape");
    push(TokenKind::string, *text);
    advance(end + 1 - position_);
  }

  std::string source_;
  std::size_t position_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_{};
};

}  // namespace

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::end: return "the end of the template";
    case TokenKind::text: return "text";
    case TokenKind::expression_begin: return "'{{'";
    case TokenKind::expression_end: return "'}}'";
    case TokenKind::block_begin: return "'{%'";
    case TokenKind::block_end: return "'%}'";
    case TokenKind::string: return "the string " + quoted(token.text);
    default: return "'" + token.text + "'";
  }
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace rl::text::jinja
