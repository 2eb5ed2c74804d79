#include "src/text/regex.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rl/core/error.h"

namespace {

using rl::text::Regex;

std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  const Regex regex(pattern);
  std::vector<std::string> found;
  Regex::Search search(regex, text);
  while (const auto span = search.next()) {
    found.emplace_back(text.substr(span->begin, span->end - span->begin));
  }
  return found;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("classes have the meaning of Unicode, not of ASCII") {
  CHECK(matches("\\s", "a\u00A0b\u3000c\u180Ed") == Texts{"\u00A0", "\u3000"});
  CHECK(matches("\\w+", "naïve x² _") == Texts{"naïve", "x²", "_"});
  CHECK(matches("\\d+", "12 ٣ ½") == Texts{"12", "٣"});
  CHECK(matches("[\\h]+", "xFFg") == Texts{"FF"});
  CHECK(matches("(?i:'s)", "'S 'ſ 'x") == Texts{"'S", "'ſ"});
}

TEST_CASE("^ and $ stand at every line, and . stops at the end of one") {
  CHECK(matches("^.", "ab\ncd") == Texts{"a", "c"});
  CHECK(matches(".$", "ab\ncd") == Texts{"b", "d"});
}

TEST_CASE("a script's name does not include characters that it shares with others") {
  CHECK(matches("\\p{Hiragana}", "ー") == Texts{});
  CHECK(matches("\\P{Han}+", "a漢b") == Texts{"a", "b"});
}

TEST_CASE("an empty match does not follow a match immediately") {
  CHECK(matches("x*", "axb") == Texts{"", "x", ""});
}

TEST_CASE("what would mean another thing in PCRE2 is refused by name") {
  for (const char* pattern :
       {"[a&&b]", "[a[bc]]", "(?m:a)", "a{1,2}+", "(*VERB)", "\\y", "[\\W]", "a\\"}) {
    INFO(pattern);
    CHECK_THROWS_WITH_AS(Regex{pattern}, doctest::Contains("is not supported"), rl::Error);
  }
  CHECK_THROWS_WITH_AS(Regex{"(a"}, doctest::Contains("at byte"), rl::Error);
  CHECK_THROWS_AS(Regex{std::string(Regex::kMaxPatternBytes + 1, 'a')}, rl::Error);
}

TEST_CASE("a search that would take for ever is given up") {
  const std::string text(60, 'a');
  CHECK_THROWS_WITH_AS(matches("(a|aa|a)+[bc]", text), doctest::Contains("given up"), rl::Error);
}
