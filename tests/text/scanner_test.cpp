#include "src/text/scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "src/text/regex.h"
#include "src/text/utf8.h"
#include "text/golden_strings.h"

namespace {

using namespace rl::text;

std::vector<std::string> pieces_of(Scanner scanner, std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = scanner(text, begin);
    REQUIRE(end > begin);
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

std::vector<std::string> matches_of(const Regex& regex, std::string_view text) {
  std::vector<std::string> matches;
  Regex::Search search(regex, text);
  while (const auto found = search.next()) {
    matches.emplace_back(text.substr(found->begin, found->end - found->begin));
  }
  return matches;
}

void compare(std::string_view pattern) {
  const Scanner scanner = scanner_for(pattern);
  const bool known = scanner != nullptr;
  REQUIRE(known);
  const Regex regex(pattern);
  for (std::uint64_t index = 0; index < 50'000; ++index) {
    const std::string text = replace_invalid(golden::string_at(index).bytes);
    REQUIRE(pieces_of(scanner, text) == matches_of(regex, text));
  }
  // Every character between letters, digits, spaces and nothing.
  for (char32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 31) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    text = text + "a" + text + " " + text + "'" + text + "1" + text + "\n" + text;
    REQUIRE(pieces_of(scanner, text) == matches_of(regex, text));
  }
}

}  // namespace

TEST_CASE("the scanner for GPT-2's rule gives the pieces of its regular expression") {
  compare(kGpt2Pattern);
}
TEST_CASE("the scanner for Llama 3's rule gives the pieces of its regular expression") {
  compare(kLlama3Pattern);
}
TEST_CASE("the scanner for Qwen's rule gives the pieces of its regular expression") {
  compare(kQwen2Pattern);
}
TEST_CASE("a rule that nobody wrote a scanner for has none") {
  const bool known = scanner_for("\\p{L}+") != nullptr;
  CHECK_FALSE(known);
}
