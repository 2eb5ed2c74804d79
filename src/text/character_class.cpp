#include "src/text/character_class.h"

#include <string>

#include "src/text/regex.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

constexpr char32_t kEnd = 0x110000;

// Calls visit(code) for every code point that the class matches.
template <class Visit>
void for_each_member(std::string_view pattern, Visit visit) {
  const Regex regex(pattern);
  constexpr char32_t kBlock = 0x10000;
  std::string text;
  for (char32_t block = 0; block < kEnd; block += kBlock) {
    text.clear();
    for (char32_t code = block; code < block + kBlock; ++code) {
      if (code < 0xD800 || code > 0xDFFF) append_utf8(text, code);
    }
    Regex::Search search(regex, text);
    while (const auto found = search.next()) {
      std::string_view members(text.data() + found->begin, found->end - found->begin);
      while (!members.empty()) {
        const Character character = first_character(members);
        visit(character.code);
        members.remove_prefix(character.length);
      }
    }
  }
}

std::vector<CharacterClass> make_classes() {
  std::vector<CharacterClass> classes(kEnd, CharacterClass::other);
  const auto mark = [&classes](std::string_view pattern, CharacterClass as) {
    for_each_member(pattern, [&classes, as](char32_t code) { classes[code] = as; });
  };
  mark("\\p{L}+", CharacterClass::letter);
  mark("\\p{N}+", CharacterClass::number);
  mark("\\s+", CharacterClass::space);
  return classes;
}

std::vector<bool> make_set(std::string_view pattern) {
  std::vector<bool> set(kEnd, false);
  for_each_member(pattern, [&set](char32_t code) { set[code] = true; });
  return set;
}

}  // namespace

const std::vector<CharacterClass>& character_classes() {
  static const std::vector<CharacterClass> classes = make_classes();
  return classes;
}

bool is_whitespace(char32_t code) { return character_classes()[code] == CharacterClass::space; }
bool is_numeric(char32_t code) { return character_classes()[code] == CharacterClass::number; }

bool is_word(char32_t code) {
  static const std::vector<bool> set = make_set("[" + std::string(kWordMembers) + "]+");
  return set[code];
}

bool is_punctuation(char32_t code) {
  static const std::vector<bool> set = make_set("[\\p{P}!-/:-@\\x5B-\\x60{-~]+");
  return set[code];
}

}  // namespace rl::text
