#include "learner/language/text_columns.h"

#include <algorithm>
#include <set>

#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

// Four samples of each of two prompts in each of two rounds, in the order of read_texts(): token
// group, then 0 or 1.
std::vector<LearningText> two_rounds() {
  std::vector<LearningText> texts(16);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i].episode.round = 1 + i / 8;
    texts[i].episode.place = i % 8;
    texts[i].episode.group = 1 + i / 4;
    texts[i].episode.tokens = {static_cast<std::int32_t>(1 + i / 4), static_cast<std::int32_t>(i % 2)};
  }
  return texts;
}

}  // namespace

TEST_SUITE("minibatches") {
  TEST_CASE("every text is in one of them, and texts that begin alike are neighbours in it") {
    std::vector<LearningText> texts = two_rounds();
    RngStream order(1, RngRole::test, 0);
    std::set<const LearningText*> seen;
    for (const Texts& part : minibatches(texts, 2, order)) {
      CHECK(part.size() == 8);
      CHECK(std::ranges::is_sorted(part, {}, [](const auto* text) { return text->episode.tokens; }));
      seen.insert(part.begin(), part.end());
    }
    CHECK(seen.size() == texts.size());
  }

  TEST_CASE("one alone has all texts, equal ones as they lie") {
    std::vector<LearningText> texts = two_rounds();
    RngStream order(1, RngRole::test, 0);
    const std::vector<Texts> one = minibatches(texts, 1, order);
    REQUIRE(one.size() == 1);
    const std::vector<std::size_t> expected{0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15};
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(one[0][i] == &texts[expected[i]]);
    CHECK(order.position() == 0);
  }

  TEST_CASE("no more are made than there are texts") {
    std::vector<LearningText> texts = two_rounds();
    RngStream order(1, RngRole::test, 0);
    CHECK(minibatches(texts, 100, order).size() == 16);
  }

  TEST_CASE("a seed cuts the same way, another seed another way") {
    std::vector<LearningText> texts = two_rounds();
    const auto cut = [&](std::uint64_t seed) {
      RngStream order(seed, RngRole::test, 0);
      return minibatches(texts, 4, order);
    };
    CHECK(cut(1) == cut(1));
    CHECK(cut(1) != cut(2));
  }
}

}  // namespace rl
