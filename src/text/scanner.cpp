#include "src/text/scanner.h"

#include "src/text/character_class.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

using Class = CharacterClass;

// A text with the class of the character at each place.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text), classes_(character_classes().data()) {}

  struct At {
    Class kind = Class::space;
    std::size_t length = 0;  // 0 at the end
  };
  At at(std::size_t place) const {
    if (place >= text_.size()) return {};
    const Character character = first_character(text_.substr(place));
    return {classes_[character.code], character.length};
  }
  // Past the characters of this class that stand from `place` on, at most `most` of them.
  std::size_t skip(std::size_t place, Class kind, std::size_t most = ~std::size_t{0}) const {
    for (; most > 0; --most) {
      const At here = at(place);
      if (here.length == 0 || here.kind != kind) break;
      place += here.length;
    }
    return place;
  }
  std::size_t skip_newlines(std::size_t place) const {
    while (is_newline(place)) ++place;
    return place;
  }
  bool is_newline(std::size_t place) const {
    return place < text_.size() && (text_[place] == '\n' || text_[place] == '\r');
  }
  bool is(std::size_t place, char c) const { return place < text_.size() && text_[place] == c; }
  bool is_letter_any_case(std::size_t place, char lower) const {
    return place < text_.size() && (text_[place] | 0x20) == lower;
  }
  std::string_view from(std::size_t place) const { return text_.substr(place); }
  std::size_t size() const { return text_.size(); }

 private:
  std::string_view text_;
  const Class* classes_;
};

// 's 't 're 've 'm 'll 'd after the apostrophe at `from`; 0 when there is none.
std::size_t contraction(const Text& text, std::size_t from, bool any_case) {
  const auto is = [&](std::size_t place, char c) {
    return any_case ? text.is_letter_any_case(place, c) : text.is(place, c);
  };
  const std::size_t one = from + 1;
  for (const char c : {'s', 't', 'm', 'd'}) {
    if (is(one, c)) return from + 2;
  }
  if ((is(one, 'r') || is(one, 'v')) && is(one + 1, 'e')) return from + 3;
  if (is(one, 'l') && is(one + 1, 'l')) return from + 3;
  constexpr std::string_view long_s = "\xC5\xBF";  // U+017F, which is an s in any case
  if (any_case && text.from(from).substr(1).starts_with(long_s)) return from + 3;
  return 0;
}

// \s+(?!\S)|\s+ : spaces, but the last one belongs to what follows.
std::size_t spaces(const Text& text, std::size_t from) {
  std::size_t last = from;
  std::size_t end = from;
  for (auto here = text.at(end); here.length > 0 && here.kind == Class::space;
       here = text.at(end)) {
    last = end;
    end += here.length;
  }
  return end == text.size() || last == from ? end : last;
}

// \s*[\r\n]+ : spaces up to the last newline among them; 0 when there is none.
std::size_t spaces_to_newline(const Text& text, std::size_t from) {
  std::size_t end = 0;
  std::size_t place = from;
  for (auto here = text.at(place); here.length > 0 && here.kind == Class::space;
       here = text.at(place)) {
    if (text.is_newline(place)) end = place + 1;
    place += here.length;
  }
  return end;
}

std::size_t scan_gpt2(std::string_view whole, std::size_t from) {
  const Text text(whole);
  if (text.is(from, '\'')) {
    if (const std::size_t end = contraction(text, from, false); end != 0) return end;
  }
  std::size_t place = from;
  Text::At here = text.at(from);
  if (text.is(from, ' ')) {
    if (const Text::At next = text.at(from + 1); next.kind != Class::space) {
      ++place;
      here = next;
    }
  }
  if (here.kind != Class::space) return text.skip(place, here.kind);
  return spaces(text, from);
}

template <std::size_t kMostDigits>
std::size_t scan_llama3(std::string_view whole, std::size_t from) {
  const Text text(whole);
  if (text.is(from, '\'')) {
    if (const std::size_t end = contraction(text, from, true); end != 0) return end;
  }
  const Text::At here = text.at(from);
  if (here.kind == Class::letter) return text.skip(from, Class::letter);
  if (here.kind == Class::number) return text.skip(from, Class::number, kMostDigits);
  const std::size_t second = from + here.length;
  const Text::At next = text.at(second);
  if (next.length > 0 && next.kind == Class::letter && !text.is_newline(from)) {
    return text.skip(second, Class::letter);
  }
  if (here.kind == Class::other) return text.skip_newlines(text.skip(from, Class::other));
  if (text.is(from, ' ') && next.kind == Class::other) {
    return text.skip_newlines(text.skip(second, Class::other));
  }
  if (const std::size_t end = spaces_to_newline(text, from); end != 0) return end;
  return spaces(text, from);
}

}  // namespace

Scanner scanner_for(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return &scan_gpt2;
  if (pattern == kLlama3Pattern) return &scan_llama3<3>;
  if (pattern == kQwen2Pattern) return &scan_llama3<1>;
  return nullptr;
}

}  // namespace rl::text
