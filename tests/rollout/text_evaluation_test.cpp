#include "rl/rollout/text_evaluation.h"

#include <doctest/doctest.h>

#include <cmath>

#include "rl/core/error.h"
#include "rollout/text_run.h"

namespace rl::rollout {
namespace {

TextEvaluationOptions options(std::size_t threads = 1) {
  TextEvaluationOptions options;
  options.generator.threads = threads;
  return options;
}

TEST_SUITE("text evaluation") {
  TEST_CASE("it asks every held-out problem once and reports what the policy said") {
    const RunConfig config = tests::text_run();
    const auto found = evaluate_text(config, tests::tiny_snapshot(3), options());
    CHECK(found.weight_version == 3);
    REQUIRE(found.answers.size() == 20);
    const auto task = language::make_text_task(config.text->task_options());
    const auto held_out = language::make_task_data(*task, 0, 20, config.seed).held_out;
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(found.answers[i].prompt == held_out[i].prompt);
      CHECK(found.answers[i].expected == held_out[i].answer);
      CHECK(found.answers[i].tokens <= 12);
      CHECK(found.answers[i].truncated == (found.answers[i].tokens == 12));
    }
    CHECK(found.mean_tokens() > 0.0);
    CHECK(found.mean_score() == 0.0);
  }

  TEST_CASE("it is greedy: batch, pages and threads change nothing, nor does the temperature") {
    RunConfig config = tests::text_run();
    const auto expected = evaluate_text(config, tests::tiny_snapshot(1), options());
    config.text->temperature = 5.0;
    TextEvaluationOptions other = options(2);
    other.generator.max_sequences = 3;
    other.generator.page_size = 5;
    const auto found = evaluate_text(config, tests::tiny_snapshot(1), other);
    REQUIRE(found.answers.size() == expected.answers.size());
    for (std::size_t i = 0; i < found.answers.size(); ++i) {
      CHECK(found.answers[i].completion == expected.answers[i].completion);
    }
  }

  TEST_CASE("the score is the run's reward; texts without a score are not in the mean") {
    language::VerifierRegistry verifiers = language::builtin_verifiers();
    int calls = 0;
    verifiers.add("half", {"scores every other", [&](const std::string&) {
                    return [&](const language::TextProblem&, std::string_view) {
                      return ++calls % 2 == 0 ? std::optional<double>(calls % 4) : std::nullopt;
                    };
                  }});
    RunConfig config = tests::text_run();
    config.text->rewards = {{.verifier = "half"}};
    const auto found = evaluate_text(config, tests::tiny_snapshot(1), options(), verifiers);
    CHECK(found.unscored() == 10);
    CHECK(found.mean_score() == 1.0);  // 2, 0, 2, 0, ...
    CHECK(found.standard_error() == doctest::Approx(std::sqrt(10.0 / 9.0 / 10.0)));
  }

  TEST_CASE("a part of the problems, or those of another file") {
    const RunConfig config = tests::text_run();
    TextEvaluationOptions few = options();
    few.most = 3;
    CHECK(evaluate_text(config, tests::tiny_snapshot(1), few).answers.size() == 3);
    few.most = 0;
    few.file = std::string(RL_TEST_DATA) + "/rollout/prompts.jsonl";
    const auto found = evaluate_text(config, tests::tiny_snapshot(1), few);
    REQUIRE(found.answers.size() == 12);
    CHECK(found.answers[2].prompt == "2+3=?");
    CHECK(found.excluded == 0);
    RunConfig narrow = config;
    narrow.text->max_prompt_tokens = 5;  // "9+10=?" and two more are longer
    const auto fewer = evaluate_text(narrow, tests::tiny_snapshot(1), few);
    CHECK(fewer.answers.size() == 9);
    CHECK(fewer.excluded == 3);
  }

  TEST_CASE("nothing to ask, no image of a model and a run of environments are errors") {
    RunConfig config = tests::text_run();
    config.text->held_out = 0;
    CHECK_THROWS_WITH_AS(evaluate_text(config, tests::tiny_snapshot(1), options()),
                         doctest::Contains("no problem to evaluate"), Error);
    const WeightSnapshot empty{1, 9, std::make_shared<const Bytes>(write_safetensors({}, {}))};
    CHECK_THROWS_WITH_AS(evaluate_text(tests::text_run(), empty, options()),
                         doctest::Contains("version 9"), Error);
    config.text.reset();
    CHECK_THROWS_WITH_AS(evaluate_text(config, tests::tiny_snapshot(1), options()),
                         doctest::Contains("not one of texts"), Error);
  }

  TEST_CASE("it ends early when told to") {
    const std::atomic<bool> stop{true};
    TextEvaluationOptions stopped = options();
    stopped.stop = &stop;
    CHECK(evaluate_text(tests::text_run(), tests::tiny_snapshot(1), stopped).answers.empty());
  }
}

}  // namespace
}  // namespace rl::rollout
