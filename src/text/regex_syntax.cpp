// Oniguruma's Ruby syntax, rewritten for PCRE2 where the two mean different things.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rl/core/error.h"
#include "src/text/regex.h"

namespace rl::text {
namespace {

// Unicode's word characters, and the six fractions and superscripts of Latin-1 that Oniguruma adds.
constexpr std::string_view kWord =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr std::string_view kHexadecimal = "0-9A-Fa-f";

bool compiles(const std::string& pattern) {
  int error = 0;
  std::size_t offset = 0;
  pcre2_code* const code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  const bool good = code != nullptr;
  pcre2_code_free(code);
  return good;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_character(c);
      } else {
        plain(c);
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error({.where = "regular expression '" + std::string(pattern_) + "'",
                 .what = what + " at byte " + std::to_string(at_) + " is not supported"});
  }
  char peek(std::size_t ahead) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  void copy(std::size_t length) {
    out_ += pattern_.substr(at_, length);
    at_ += length;
  }
  void replace(std::size_t length, std::string_view with) {
    out_ += with;
    at_ += length;
  }

  void set(std::string_view members, bool negated) {
    if (in_class_ && negated) refuse("a negated set inside a class");
    const std::string text(members);
    replace(2, in_class_ ? text : (negated ? "[^" : "[") + text + "]");
  }

  void escape() {
    const char c = peek(1);
    switch (c) {
      case '\0': refuse("a backslash at the end");
      case 's': return replace(2, "\\p{White_Space}");  // PCRE2's \s has U+180E
      case 'S': return replace(2, "\\P{White_Space}");
      case 'd': return replace(2, "\\p{Nd}");
      case 'D': return replace(2, "\\P{Nd}");
      case 'w': return set(kWord, false);
      case 'W': return set(kWord, true);
      case 'h': return set(kHexadecimal, false);
      case 'H': return set(kHexadecimal, true);
      case 'v': return replace(2, "\\x0B");
      case 'p':
      case 'P': return property();
      case 'u': return code_point();
      case 'b':
      case 'B': return boundary(c == 'B');
      default: break;
    }
    constexpr std::string_view same = "aefnrtxAzZRXGk";
    if (is_letter(c) && same.find(c) == std::string_view::npos) {
      refuse(std::string("the escape \\") + c);
    }
    copy(2);
  }

  void boundary(bool negated) {
    if (in_class_) return copy(2);  // a backspace
    const std::string w = "[" + std::string(kWord) + "]";
    replace(2, negated ? "(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))"
                       : "(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))");
  }

  void code_point() {
    const std::string_view digits = pattern_.substr(at_ + 2, 4);
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
      refuse("\\u without four hexadecimal digits");
    }
    replace(6, "\\x{" + std::string(digits) + "}");
  }

  // A script's name means the characters of that script alone, not also those it shares.
  void property() {
    const std::size_t end = pattern_.find('}', at_);
    if (peek(2) != '{' || end == pattern_.npos) refuse("a property without braces");
    std::string_view name = pattern_.substr(at_ + 3, end - at_ - 3);
    const std::string caret = !name.empty() && name[0] == '^' ? "^" : "";
    if (!caret.empty()) name.remove_prefix(1);
    const std::string script = "sc:" + std::string(name);
    const bool is_script = name.size() > 2 && compiles("\\p{" + script + "}");
    const std::string written = is_script ? script : std::string(name);
    replace(end + 1 - at_, "\\" + std::string(1, peek(1)) + "{" + caret + written + "}");
  }

  void class_character(char c) {
    if (c == '[' && peek(1) == ':') {
      const std::size_t end = pattern_.find(":]", at_);
      if (end == pattern_.npos) refuse("an open [: bracket");
      return copy(end + 2 - at_);
    }
    if (c == '[') refuse("a class inside a class");
    if (c == '&' && peek(1) == '&') refuse("an intersection of classes");
    if (c == ']') in_class_ = false;
    copy(1);
  }

  void plain(char c) {
    if (c == '[') {
      in_class_ = true;
      std::size_t opening = peek(1) == '^' ? 2 : 1;
      if (peek(opening) == ']') ++opening;  // a ] that stands first is a member
      return copy(opening);
    }
    if (c == '(' && peek(1) == '?') return group();
    if (c == '(' && peek(1) == '*') refuse("a verb of PCRE2");
    // Oniguruma reads {n,m}+ as a repeated repetition, PCRE2 as a possessive one.
    if (c == '}' && peek(1) == '+') refuse("'+' after a counted repetition");
    copy(1);
  }

  void group() {
    std::size_t end = at_ + 2;
    while (end < pattern_.size() && (is_letter(pattern_[end]) || pattern_[end] == '-')) ++end;
    const std::string_view flags = pattern_.substr(at_ + 2, end - at_ - 2);
    if (flags.find_first_not_of("ix-") != flags.npos) {
      refuse("the option '" + std::string(flags) + "'");
    }
    constexpr std::string_view kinds = ":=!<>#)";
    if (end == pattern_.size() || kinds.find(pattern_[end]) == kinds.npos) {
      refuse("this kind of group");
    }
    copy(end - at_);
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string pcre2_syntax(std::string_view pattern) { return Rewriter(pattern).run(); }

}  // namespace rl::text
