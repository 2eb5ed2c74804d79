#include "learner/language/sample_text.h"

#include <doctest/doctest.h>

namespace rl {
namespace {

TEST_SUITE("sample text") {
  TEST_CASE("the first sample becomes one line") {
    CHECK(sample_text("{\"prompt\":\"1+2=\",\"completion\":\"3\",\"score\":1.0}\n{}\n") ==
          "\"1+2=\" -> \"3\" (score 1.0)");
    CHECK(sample_text("{\"prompt\":\"a\\nb\",\"completion\":\"\\u001b[2J\",\"score\":null}") ==
          "\"a\\nb\" -> \"\\u001b[2J\" (not scored)");
    CHECK(sample_text("") == "");
  }

  TEST_CASE("long texts keep the end of the prompt and the beginning of the completion") {
    std::string prompt, completion;
    for (int i = 0; i < 40; ++i) prompt += "\u00e4b";
    for (int i = 0; i < 40; ++i) completion += "c\u00f6";
    std::string end, beginning;
    for (int i = 0; i < 30; ++i) end += "\u00e4b";
    for (int i = 0; i < 30; ++i) beginning += "c\u00f6";
    CHECK(sample_text("{\"prompt\":\"" + prompt + "\",\"completion\":\"" + completion +
                      "\",\"score\":0.5}") ==
          "\"..." + end + "\" -> \"" + beginning + "...\" (score 0.5)");
  }
}

}  // namespace
}  // namespace rl
