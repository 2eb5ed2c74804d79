#include "rl/language/verifier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <thread>

#include "rl/core/error.h"
#include "src/language/verifier_rules.h"

TEST_SUITE_BEGIN("language::verifier");

using namespace rl;
using namespace rl::language;
using std::chrono::milliseconds;

namespace {

std::optional<double> verdict(const std::string& name, const std::string& argument,
                              const std::string& answer, const std::string& completion) {
  return builtin_verifiers().require(name).make(argument)({"prompt", answer}, completion);
}

Verifier always(double value) {
  return [value](const TextProblem&, std::string_view) { return std::optional<double>(value); };
}

Scorer::Term term(Verifier verifier, double weight = 1.0, milliseconds deadline = milliseconds(0)) {
  return {.verifier = std::move(verifier), .weight = weight, .deadline = deadline, .name = "v"};
}

}  // namespace

TEST_CASE("a text's number is the last one, or the one behind ####, in one spelling") {
  const auto number = [](const char* text) { return number_in(text).value_or("none"); };
  CHECK(number("it is 12, or rather 13.") == "13");
  CHECK(number("first 5\n#### 18\nthen 7 #### 9") == "18");
  CHECK(number("$1,234.50 in all") == "1234.5");
  CHECK(number("007") == "7");
  CHECK(number("0.0") == "0");
  CHECK(number(".5") == "0.5");
  CHECK(number("-12") == "-12");
  CHECK(number("is -$5") == "-5");
  CHECK(number("-0") == "0");
  CHECK(number("16-3") == "3");      // a minus behind a number is none of its sign
  CHECK(number("(16)-3") == "3");
  CHECK(number("1,2,3") == "3");     // no groups of three
  CHECK(number("1,000,000") == "1000000");
  CHECK(number("12,3456") == "3456");
  CHECK(number("no number") == "none");
  CHECK(number("") == "none");
  CHECK(number("####") == "none");
  CHECK(number("5 #### none") == "none");
}

TEST_CASE("exact wants the answer and nothing else") {
  CHECK(verdict("exact", "", "132", " 132\n") == 1.0);
  CHECK(verdict("exact", "", "132", "132!") == 0.0);
  CHECK(verdict("exact", "", "", "") == 1.0);
}

TEST_CASE("numeric compares numbers and cannot score an answer without one") {
  CHECK(verdict("numeric", "", "work\n#### 1,000", "so 1000.00") == 1.0);
  CHECK(verdict("numeric", "", "5", "6") == 0.0);
  CHECK(verdict("numeric", "", "5", "no idea") == 0.0);
  CHECK_FALSE(verdict("numeric", "", "none", "5").has_value());
}

TEST_CASE("answer is numeric where the answer is marked, else exact") {
  CHECK(verdict("answer", "", "2+3=5\n#### 5", "I say 5") == 1.0);
  CHECK(verdict("answer", "", "5", "I say 5") == 0.0);
  CHECK(verdict("answer", "", "5", "5") == 1.0);
}

TEST_CASE("contains, regex and length") {
  CHECK(verdict("contains", "", " Paris ", "In Paris.") == 1.0);
  CHECK(verdict("contains", "", "Paris", "In Rome.") == 0.0);
  CHECK(verdict("regex", "<answer>\\d+</answer>", "", "x <answer>12</answer>") == 1.0);
  CHECK(verdict("regex", "^\\d+$", "", "x 12") == 0.0);
  CHECK(verdict("regex", "\xEF\xBF\xBD", "", "bad \xFF byte") == 1.0);
  CHECK(verdict("length", "10", "", "1234567890") == 1.0);
  CHECK(verdict("length", "10", "", "123456789012345") == 0.5);
  CHECK(verdict("length", "10", "", std::string(50, 'x')) == 0.0);
}

TEST_CASE("a pattern that would search for ever gives up, and that is no score") {
  Scorer scorer({term(builtin_verifiers().require("regex").make("^(a|aa)+$"))}, 1.0);
  const Verdict said = scorer.score({"p", ""}, std::string(200, 'a') + "b");
  CHECK_FALSE(said.scored);
  CHECK(scorer.counts().failed == 1);
  CHECK(scorer.last_trouble().find("given up") != std::string::npos);
}

TEST_CASE("bad arguments and unknown names are refused") {
  CHECK_THROWS_WITH_AS(verdict("regex", "(", "", ""), doctest::Contains("("), Error);
  CHECK_THROWS_AS(verdict("regex", "", "", ""), Error);
  CHECK_THROWS_AS(verdict("length", "0", "", ""), Error);
  CHECK_THROWS_AS(verdict("length", "ten", "", ""), Error);
  CHECK_THROWS_AS(verdict("exact", "argument", "", ""), Error);
  CHECK_THROWS_WITH_AS(verdict("exat", "", "", ""), doctest::Contains("exact"), Error);
  VerifierRegistry registry = builtin_verifiers();
  CHECK_THROWS_WITH_AS(registry.add("exact", {}), doctest::Contains("taken"), Error);
  CHECK_THROWS_WITH_AS(registry.add("two words", {}), doctest::Contains("word"), Error);
}

TEST_CASE("a score is the weighted sum, within the limit") {
  CHECK(Scorer({term(always(1.0), 0.5), term(always(2.0), -0.1)}, 10.0).score({}, "").score ==
        doctest::Approx(0.3));
  CHECK(Scorer({term(always(9.0), 9.0)}, 10.0).score({}, "").score == 10.0);
  CHECK(Scorer({term(always(-9.0), 9.0)}, 10.0).score({}, "").score == -10.0);
}

TEST_CASE("nothing that a verifier does reaches the caller but a missing score") {
  const auto score = [](Verifier verifier) {
    Scorer scorer({term(always(1.0)), term(std::move(verifier))}, 1.0);
    const Verdict said = scorer.score({"p", "a"}, "c");
    CHECK_FALSE(said.scored);
    CHECK(said.score == 0.0);
    CHECK(scorer.counts().unscored == 1);
    return std::pair(scorer.counts().failed, scorer.last_trouble());
  };
  using Result = std::optional<double>;
  const auto thrown = score([](const TextProblem&, std::string_view) -> Result {
    throw std::runtime_error("judge is away");
  });
  CHECK(thrown.first == 1);
  CHECK(thrown.second == "verifier 'v' failed: judge is away");
  CHECK(score([](const TextProblem&, std::string_view) -> Result { throw 7; }).first == 1);
  CHECK(score(always(std::numeric_limits<double>::quiet_NaN())).first == 0);
  CHECK(score(always(std::numeric_limits<double>::infinity())).first == 0);
  CHECK(score([](const TextProblem&, std::string_view) { return Result(); }).second.find("'p'") !=
        std::string::npos);
}

TEST_CASE("a verifier with a deadline runs beside the caller and gives the same scores") {
  const auto caller = std::this_thread::get_id();
  std::thread::id judge;
  Scorer scorer({term(
                    [&](const TextProblem& problem, std::string_view completion) {
                      judge = std::this_thread::get_id();
                      if (completion == "bad") throw std::runtime_error("bad");
                      return std::optional<double>(problem.answer == completion ? 1.0 : 0.0);
                    },
                    1.0, milliseconds(60000))},
                1.0);
  CHECK(scorer.score({"p", "a"}, "a").score == 1.0);
  CHECK(scorer.score({"p", "a"}, "b").score == 0.0);
  CHECK_FALSE(scorer.score({"p", "a"}, "bad").scored);
  CHECK(scorer.score({"p", "a"}, "a").score == 1.0);
  CHECK(judge != caller);
  CHECK(scorer.counts().scored == 3);
  CHECK(scorer.counts().failed == 1);
}

TEST_CASE("a verifier may judge the tokens as they were sampled, beside the caller too") {
  const std::vector<text::TokenId> tokens{5, 6, 7};
  for (const milliseconds deadline : {milliseconds(0), milliseconds(60000)}) {
    Scorer scorer({term(
                      [&](const TextProblem&, const JudgedText& judged) {
                        CHECK(judged.text == "ab");
                        return std::optional<double>(
                            std::ranges::equal(judged.tokens, tokens) ? 1.0 : 0.0);
                      },
                      1.0, deadline)},
                  1.0);
    CHECK(scorer.score({}, {"ab", tokens}).score == 1.0);
    CHECK(scorer.score({}, "ab").score == 0.0);
  }
}

TEST_CASE("a verdict that comes too late is none; the next call gets another thread") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> left;
  Scorer scorer({term(
                    [released, &left](const TextProblem&, std::string_view completion) {
                      if (completion == "slow") {
                        released.wait();
                        left.set_value();
                      }
                      return std::optional<double>(1.0);
                    },
                    1.0, milliseconds(1))},
                1.0);
  CHECK_FALSE(scorer.score({}, "slow").scored);
  CHECK(scorer.counts().late == 1);
  CHECK(scorer.last_trouble().find("1 ms") != std::string::npos);
  release.set_value();
  left.get_future().wait();
  // Whether this one is in time is the machine's affair; that it is asked anew is ours.
  scorer.score({}, "quick");
  CHECK(scorer.counts().unscored + scorer.counts().scored == 2);
}

TEST_CASE("verifiers that never come back cost a bounded number of threads") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const auto done = std::make_shared<std::promise<void>>();
  Scorer scorer({term(
                    [released, calls](const TextProblem&, std::string_view) {
                      ++*calls;
                      released.wait();
                      return std::optional<double>(1.0);
                    },
                    1.0, milliseconds(1))},
                1.0);
  for (int i = 0; i < 40; ++i) CHECK_FALSE(scorer.score({}, "").scored);
  CHECK(*calls <= 16);
  CHECK(scorer.counts().late == 40);
  release.set_value();
}

TEST_CASE("the caller may give up while it waits, and what it throws comes through") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  {
    Scorer scorer({term(
                      [released](const TextProblem&, std::string_view) {
                        released.wait();
                        return std::optional<double>(1.0);
                      },
                      1.0, milliseconds(600000))},
                  1.0);
    CHECK_THROWS_AS(scorer.score({}, "", [] { throw std::runtime_error("enough"); }),
                    std::runtime_error);
  }
  release.set_value();
}

TEST_SUITE_END();
