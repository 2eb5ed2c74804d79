#include <doctest/doctest.h>

#include "learner/updates/toy_rollouts.h"
#include "rl/algorithms/registry.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

TEST_SUITE("make_algorithm") {
  TEST_CASE("every described algorithm can be made") {
    for (const AlgorithmDescription& known : algorithm_descriptions()) {
      CAPTURE(std::string(known.name));
      TrainOptions options;
      options.algorithm = std::string(known.name);
      const auto algorithm = make_algorithm(options, toy_spec(discrete_action({1.0})));
      CHECK(algorithm->steps_per_round() > 0);
      CHECK(algorithm->table_options().capacity_steps > 0);
    }
  }

  TEST_CASE("an unknown algorithm is refused with the near names") {
    TrainOptions options;
    options.algorithm = "pqo";
    CHECK_THROWS_WITH_AS(make_algorithm(options, toy_spec(discrete_action({1.0}))),
                         doctest::Contains("ppo"), Error);
  }

  TEST_CASE("deep Q-learning refuses continuous and composite actions") {
    TrainOptions options;
    options.algorithm = "dqn";
    CHECK_THROWS_WITH_AS(make_algorithm(options, toy_spec(continuous_action(1.0))),
                         doctest::Contains("one discrete action"), Error);
    CHECK_THROWS_WITH_AS(make_algorithm(options, toy_spec(discrete_action({1.0, 1.0}, {2}))),
                         doctest::Contains("one discrete action"), Error);
  }

  TEST_CASE("an unknown device is refused") {
    TrainOptions options;
    options.device = "tpu";
    CHECK_THROWS_WITH_AS(make_algorithm(options, toy_spec(discrete_action({1.0}))),
                         doctest::Contains("cpu or cuda"), Error);
  }
}
