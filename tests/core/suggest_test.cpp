#include "rl/core/suggest.h"

#include <doctest/doctest.h>

namespace rl {
namespace {

const std::vector<std::string> kNames{
    "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1",
    "ppo",         "dqn"};
using Names = std::vector<std::string>;

}  // namespace

TEST_SUITE("suggestions") {
  TEST_CASE("edit distance counts insertions, deletions, replacements and swaps") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("abc", "") == 3);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("pop", "ppo") == 1);
    CHECK(edit_distance("PPO", "ppo") == 0);
    CHECK(edit_distance("ca", "abc") == 3);
  }

  TEST_CASE("a slip finds the name that was meant, the likeliest first") {
    CHECK(nearest_names("cartpole-v1", kNames) == Names{"CartPole-v1"});
    CHECK(nearest_names("CartPole-v0", kNames).front() == "CartPole-v1");
    CHECK(nearest_names("CartPole", kNames).front() == "CartPole-v1");
    CHECK(nearest_names("MountainCar", kNames) ==
          Names{"MountainCar-v0", "MountainCarContinuous-v0"});
    CHECK(nearest_names("pop", kNames) == Names{"ppo"});
    CHECK(nearest_names("MountainCar", kNames, 1) == Names{"MountainCar-v0"});
  }

  TEST_CASE("nothing near gives nothing") {
    CHECK(nearest_names("zebra crossing", kNames).empty());
    CHECK(nearest_names("", kNames).empty());
    CHECK(nearest_names("CartPole-v1", {}).empty());
  }

  TEST_CASE("a name as long as a file is near only what it holds") {
    const std::string long_name(1 << 20, 'x');
    CHECK(nearest_names(long_name, kNames).empty());
    CHECK(nearest_names(long_name + "Acrobot-v1", kNames) == Names{"Acrobot-v1"});
  }

  TEST_CASE("a suggestion reads as a sentence") {
    CHECK(suggest("pop", kNames) == "did you mean ppo?");
    CHECK(suggest("MountainCar", kNames) ==
          "did you mean MountainCar-v0 or MountainCarContinuous-v0?");
    CHECK(suggest("zebra crossing", Names{"a", "b"}) == "known: a, b");
  }
}

}  // namespace rl
