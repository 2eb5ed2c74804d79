#include "rl/rollout/evaluation.h"

#include <doctest/doctest.h>

#include <cmath>

#include "rl/core/error.h"
#include "support/policy_weights.h"

namespace rl::rollout {
namespace {

const EnvironmentRegistry& registry() { return builtin_environments(); }

WeightSnapshot weights(const std::string& environment) {
  return tests::random_weights(registry().make(environment)->spec(), 9, 1);
}

TEST_SUITE("evaluation") {
  TEST_CASE("the number of environments played side by side does not change the result") {
    EvaluationOptions options{.episodes = 13, .environments = 1, .seed = 4,
                              .mode = ActMode::sample};
    const auto one = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options);
    options.environments = 5;
    const auto five = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options);
    options.environments = 100;
    const auto many = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options);
    CHECK(one.returns.size() == 13);
    CHECK(one.returns == five.returns);
    CHECK(one.returns == many.returns);
    CHECK(one.lengths == five.lengths);
  }

  TEST_CASE("equal seeds play equal episodes and another seed others") {
    EvaluationOptions options{.episodes = 5, .seed = 1};
    const auto first = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options);
    CHECK(first.returns ==
          evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options).returns);
    options.seed = 2;
    CHECK(first.returns !=
          evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options).returns);
  }

  TEST_CASE("in CartPole the return is the episode's length") {
    const auto result = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), {});
    for (std::size_t i = 0; i < result.returns.size(); ++i) {
      CHECK(result.returns[i] == static_cast<double>(result.lengths[i]));
    }
    CHECK(result.mean_return() == doctest::Approx(result.mean_length()));
  }

  TEST_CASE("mean and standard error are those of the returns") {
    const EvaluationResult result{.returns = {1, 2, 3, 6}, .lengths = {1, 1, 1, 1}};
    CHECK(result.mean_return() == doctest::Approx(3.0));
    CHECK(result.standard_error() == doctest::Approx(std::sqrt(14.0 / 3.0 / 4.0)));
    CHECK(EvaluationResult{}.mean_return() == 0.0);
    CHECK(EvaluationResult{}.standard_error() == 0.0);
  }

  TEST_CASE("rendering follows the first environment only") {
    std::size_t frames = 0;
    EvaluationOptions options{.episodes = 2, .environments = 1};
    options.render = [&](const std::string& text, std::size_t, double) {
      CHECK_FALSE(text.empty());
      ++frames;
    };
    const auto result = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"), options);
    CHECK(frames == result.lengths[0] + result.lengths[1] + 2);
  }

  TEST_CASE("a stop ends it early and only finished episodes count") {
    std::atomic<bool> stop{true};
    const auto result = evaluate(registry(), "CartPole-v1", weights("CartPole-v1"),
                                 {.episodes = 3, .stop = &stop});
    CHECK(result.returns.empty());
  }

  TEST_CASE("an unknown environment is refused") {
    CHECK_THROWS_AS(evaluate(registry(), "CartPol-v1", weights("CartPole-v1"), {}), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
