#include "rl/envs/registry.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {

TEST_SUITE("environment registry") {
  TEST_CASE("every row makes new environments whose spec carries its name") {
    for (const EnvironmentRow& row : builtin_environments().rows()) {
      INFO(row.name);
      const auto one = row.make();
      CHECK(one->spec().name == row.name);
      CHECK(row.make() != one);
      CHECK_FALSE(row.description.empty());
      CHECK(row.description.find('\n') == std::string::npos);
    }
  }

  TEST_CASE("every spec survives being written as text") {
    for (const EnvironmentRow& row : builtin_environments().rows()) {
      INFO(row.name);
      const EnvironmentSpec spec = row.make()->spec();
      CHECK(spec_from_text(describe(spec)) == spec);
    }
  }

  TEST_CASE("environments are made by name") {
    CHECK(make_environment("CartPole-v1")->spec().name == "CartPole-v1");
    CHECK(environment_names().front() == "CartPole-v1");
    CHECK(environment_names() == builtin_environments().names());
  }

  TEST_CASE("an unknown name is refused with the near ones") {
    CHECK_THROWS_WITH_AS(make_environment("CartPole-v2"), doctest::Contains("CartPole-v1"), Error);
    CHECK_THROWS_WITH_AS(make_environment("mountaincar"),
                         doctest::Contains("MountainCar-v0 or MountainCarContinuous-v0"), Error);
    CHECK_THROWS_WITH_AS(make_environment("chess, with clocks"),
                         doctest::Contains("known: CartPole"), Error);
  }

  TEST_CASE("a program adds its own to a copy and the built-in table stays as it is") {
    EnvironmentRegistry registry = builtin_environments();
    registry.add("Mine", "my simulator", [] { return make_environment("Memory"); });
    CHECK(registry.make("Mine")->spec().name == "Memory");
    CHECK(registry.names().back() == "Mine");
    CHECK_THROWS_WITH_AS(make_environment("Mine"), doctest::Contains("no environment"), Error);
  }

  TEST_CASE("taken and empty names and missing factories are refused and change nothing") {
    EnvironmentRegistry registry;
    registry.add("A", "first", [] { return make_environment("Memory"); });
    CHECK_THROWS_WITH_AS(registry.add("A", "second", [] { return make_environment("Memory"); }),
                         doctest::Contains("taken"), Error);
    CHECK_THROWS_AS(registry.add("", "none", [] { return make_environment("Memory"); }), Error);
    CHECK_THROWS_AS(registry.add("B", "none", {}), Error);
    CHECK(registry.names() == std::vector<std::string>{"A"});
    CHECK(registry.find("A").description == "first");
  }
}

}  // namespace rl
