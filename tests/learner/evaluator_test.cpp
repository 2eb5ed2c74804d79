#include "learner/evaluator.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "support/policy_weights.h"

namespace rl {
namespace {

WeightSnapshot weights() {
  return tests::random_weights(make_environment("CartPole-v1")->spec(), 3, 1);
}

Evaluator make_evaluator() {
  return Evaluator(
      environment_evaluation(builtin_environments(), "CartPole-v1", {.episodes = 4, .seed = 2}));
}

TEST_SUITE("evaluator") {
  TEST_CASE("it gives what a direct evaluation gives") {
    auto evaluator = make_evaluator();
    CHECK_FALSE(evaluator.busy());
    evaluator.start(weights(), 1000);
    CHECK(evaluator.busy());
    CHECK(evaluator.started_at() == 1000);
    const Evaluated result = evaluator.finish();
    const auto direct = rollout::evaluate(builtin_environments(), "CartPole-v1", weights(),
                                          {.episodes = 4, .seed = 2});
    CHECK(result.mean_return == direct.mean_return());
    CHECK(result.environment_steps == 1000);
    CHECK_FALSE(evaluator.busy());
  }

  TEST_CASE("an evaluation under way survives being saved, and stays to be finished") {
    auto evaluator = make_evaluator();
    CHECK(evaluator.save_state().empty());
    evaluator.start(weights(), 500);
    const Bytes saved = evaluator.save_state();
    auto restored = make_evaluator();
    restored.load_state(saved);
    CHECK(restored.busy());
    CHECK(restored.ready());
    CHECK(restored.started_at() == 500);
    const Evaluated first = evaluator.finish();
    const Evaluated second = restored.finish();
    CHECK(first.mean_return == second.mean_return);
    CHECK(*first.image == *second.image);
  }

  TEST_CASE("what fails on its thread is thrown at finish") {
    auto evaluator = make_evaluator();
    WeightSnapshot broken = weights();
    broken.image = std::make_shared<const Bytes>(Bytes(10));
    evaluator.start(broken, 0);
    CHECK_THROWS_AS(evaluator.finish(), Error);
  }
}

}  // namespace
}  // namespace rl
