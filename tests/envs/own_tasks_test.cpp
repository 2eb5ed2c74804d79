// Exact values of the tasks that are ours, and pictures of those that have one.
#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "envs/gridworld.h"
#include "envs/memory.h"
#include "envs/probes.h"
#include "rl/core/error.h"
#include "rl/envs/registry.h"
#include "support/environment_conformance.h"

namespace rl {
namespace {

using Observation = std::vector<float>;
// What to do at a step of an episode that showed this.
using Rule = std::function<std::vector<double>(const Observation& seen, int step)>;

double play_episode(Environment& environment, std::uint64_t seed, const Rule& rule) {
  const EnvironmentSpec& spec = environment.spec();
  OwnedRows observation(spec.observations);
  OwnedRows action(spec.actions);
  environment.reset(seed, observation.fields());
  double total = 0.0;
  StepResult result;
  for (int step = 0; !result.ended(); ++step) {
    const float* row = observation.const_fields().as<float>(0);
    const auto values = rule({row, row + spec.observations[0].num_elements()}, step);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (spec.actions[0].is_discrete()) {
        action.fields().as<std::int64_t>(0)[i] = static_cast<std::int64_t>(values[i]);
      } else {
        action.fields().as<float>(0)[i] = static_cast<float>(values[i]);
      }
    }
    result = environment.step(action.const_fields(), observation.fields());
    total += static_cast<double>(result.reward);
  }
  return total;
}

double mean_return(const std::string& name, int episodes, const Rule& rule) {
  const auto environment = make_environment(name);
  double total = 0.0;
  for (int seed = 0; seed < episodes; ++seed) {
    total += play_episode(*environment, static_cast<std::uint64_t>(seed), rule);
  }
  return total / episodes;
}

Rule always(std::vector<double> action) {
  return [action](const Observation&, int) { return action; };
}

// Distance to the goal of every free cell, by search from the goal.
std::map<std::int64_t, int> distances() {
  std::map<std::int64_t, int> distance{{GridWorld::goal(), 0}};
  std::deque<std::int64_t> open{GridWorld::goal()};
  while (!open.empty()) {
    const std::int64_t cell = open.front();
    open.pop_front();
    for (std::int64_t action = 0; action < GridWorld::kActions; ++action) {
      const std::int64_t next = GridWorld::neighbour(cell, action);
      if (distance.emplace(next, distance[cell] + 1).second) open.push_back(next);
    }
  }
  return distance;
}

std::int64_t cell_of(const Observation& seen) {
  return std::max_element(seen.begin(), seen.end()) - seen.begin();
}

}  // namespace

TEST_SUITE("grid world") {
  TEST_CASE("the shortest way returns minus the distance from every cell") {
    const auto distance = distances();
    const Rule walk = [&](const Observation& seen, int) {
      const std::int64_t cell = cell_of(seen);
      std::int64_t best = 0;
      for (std::int64_t action = 0; action < GridWorld::kActions; ++action) {
        const auto to = [&](std::int64_t a) { return distance.at(GridWorld::neighbour(cell, a)); };
        if (to(action) < to(best)) best = action;
      }
      return std::vector<double>{static_cast<double>(best)};
    };
    std::map<std::int64_t, int> seen_starts;
    for (const char* name : {"GridWorld", "GridWorldMasked"}) {
      const auto environment = make_environment(name);
      OwnedRows observation(environment->spec().observations);
      for (std::uint64_t seed = 0; seed < 400; ++seed) {
        environment->reset(seed, observation.fields());
        const float* row = observation.const_fields().as<float>(0);
        const std::int64_t start = cell_of({row, row + GridWorld::kCells});
        ++seen_starts[start];
        CHECK(play_episode(*environment, seed, walk) == -distance.at(start));
      }
    }
    CHECK(seen_starts.size() == distance.size() - 1);  // every free cell but the goal
    CHECK(seen_starts.count(GridWorld::goal()) == 0);
  }

  TEST_CASE("walls and borders hold, and the mask forbids exactly these moves") {
    const GridWorld rules{.has_mask = true};
    for (std::int64_t cell = 0; cell < GridWorld::kCells; ++cell) {
      if (!GridWorld::is_free(cell)) continue;
      OwnedRows rows(rules.spec().observations);
      rules.observe({cell}, rows.fields());
      for (std::int64_t action = 0; action < GridWorld::kActions; ++action) {
        const std::int64_t next = GridWorld::neighbour(cell, action);
        CHECK(GridWorld::is_free(next));
        CHECK(rows.const_fields().as<std::uint8_t>(1)[action] == (next != cell));
        GridWorld::State state{cell};
        RngStream stream;
        const std::array<std::int64_t, 1> move{action};
        if (next == cell) {
          CHECK_THROWS_WITH_AS(rules.step(state, move, stream), doctest::Contains("forbidden"),
                               Error);
          CHECK(state.cell == cell);
          CHECK(GridWorld{}.step(state, move, stream).reward == -1.0);
          CHECK(state.cell == cell);
        }
      }
    }
  }
}

TEST_SUITE("memory") {
  TEST_CASE("remembering the cue earns 1 and any fixed answer 0 on average") {
    float cue = 0.0F;
    const Rule remember = [&](const Observation& seen, int step) {
      if (step == 0) cue = seen[1];
      return std::vector<double>{cue};
    };
    CHECK(mean_return("Memory", 200, remember) == 1.0);
    CHECK(std::abs(mean_return("Memory", 2000, always({1}))) < 5 / std::sqrt(2000.0));
  }

  TEST_CASE("the cue shows at the first step alone and the question at the last") {
    int steps = 0;
    play_episode(*make_environment("Memory"), 1, [&](const Observation& seen, int step) {
      CHECK(seen[0] + seen[1] == (step == 0 ? 1.0F : 0.0F));
      CHECK(seen[2] == (step == Memory::kDelay + 1 ? 1.0F : 0.0F));
      ++steps;
      return std::vector<double>{0.0};
    });
    CHECK(steps == Memory::kDelay + 2);
  }
}

TEST_SUITE("probes") {
  TEST_CASE("rewards without a choice are as stated") {
    CHECK(mean_return("Probe-ConstantReward", 10, always({0})) == 1.0);
    CHECK(mean_return("Probe-DelayedReward", 10, always({1})) == 1.0);
    const auto environment = make_environment("Probe-ObservationReward");
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      float shown = 0.0F;
      const double total = play_episode(*environment, seed, [&](const Observation& seen, int) {
        shown = seen[0];
        return std::vector<double>{0.0};
      });
      CHECK(std::abs(shown) == 1.0F);
      CHECK(total == shown);
    }
  }

  TEST_CASE("the right action earns 1 and the wrong one -1") {
    CHECK(mean_return("Probe-ActionReward", 10, always({1})) == 1.0);
    CHECK(mean_return("Probe-ActionReward", 10, always({0})) == -1.0);
    const auto follow = [](double sign) {
      return [sign](const Observation& seen, int) {
        return std::vector<double>{sign * seen[0] > 0.0 ? 1.0 : 0.0};
      };
    };
    CHECK(mean_return("Probe-ObservationActionReward", 50, follow(1.0)) == 1.0);
    CHECK(mean_return("Probe-ObservationActionReward", 50, follow(-1.0)) == -1.0);
  }

  TEST_CASE("every arm of the bandit pays at its stated odds") {
    constexpr int kPulls = 4000;
    for (std::size_t arm = 0; arm < ProbeBandit::kPayOdds.size(); ++arm) {
      const double odds = ProbeBandit::kPayOdds[arm];
      const double mean = mean_return("Probe-Bandit", kPulls, always({static_cast<double>(arm)}));
      CHECK(std::abs(mean - odds) < 5 * std::sqrt(odds * (1 - odds) / kPulls));
    }
  }

  TEST_CASE("the corridor returns (2p - 4) / (p (1 - p)) and never ends for a fixed action") {
    CHECK(mean_return("Probe-StochasticOptimal", 1, always({1})) == -200.0);
    CHECK(mean_return("Probe-StochasticOptimal", 1, always({0})) == -200.0);
    for (const double p : {0.4, 0.5, 2.0 - std::sqrt(2.0)}) {
      RngStream stream(1, RngRole::test, 0);
      const double mean =
          mean_return("Probe-StochasticOptimal", 20000, [&](const Observation&, int) {
            return std::vector<double>{stream.uniform() < p ? 1.0 : 0.0};
          });
      CHECK(mean == doctest::Approx((2 * p - 4) / (p * (1 - p))).epsilon(0.03));
    }
  }

  TEST_CASE("only the password of the 32 is rewarded") {
    int rewarded = 0;
    for (int guess = 0; guess < 32; ++guess) {
      const double total =
          mean_return("Probe-HardExploration", 1, [&](const Observation& seen, int step) {
            CHECK(std::count(seen.begin(), seen.end(), 0.0F) == 5 - step);
            return std::vector<double>{static_cast<double>((guess >> step) & 1)};
          });
      bool is_password = true;
      for (std::size_t i = 0; i < 5; ++i) {
        is_password = is_password && ProbeHardExploration::kPassword[i] == ((guess >> i) & 1);
      }
      CHECK(total == (is_password ? 1.0 : 0.0));
      rewarded += total > 0.0 ? 1 : 0;
    }
    CHECK(rewarded == 1);
  }

  TEST_CASE("each head of the multi-discrete probe earns its half") {
    const auto choose = [](double first_shift, double second_shift) {
      return [=](const Observation& seen, int) {
        const double first = seen[1] + 2.0F * seen[2];
        const double second = seen[4];
        return std::vector<double>{std::fmod(first + first_shift, 3.0),
                                   std::fmod(second + second_shift, 2.0)};
      };
    };
    CHECK(mean_return("Probe-MultiDiscrete", 60, choose(0, 0)) == 1.0);
    CHECK(mean_return("Probe-MultiDiscrete", 60, choose(1, 0)) == 0.5);
    CHECK(mean_return("Probe-MultiDiscrete", 60, choose(0, 1)) == 0.5);
    CHECK(mean_return("Probe-MultiDiscrete", 60, choose(2, 1)) == 0.0);
  }

  TEST_CASE("the continuous probe rewards scaled copies of what it shows") {
    const auto copy = [](double shift) {
      return [=](const Observation& seen, int) {
        return std::vector<double>{seen[0] + shift, 2.0 * seen[1]};
      };
    };
    CHECK(mean_return("Probe-Continuous", 50, copy(0.0)) == doctest::Approx(1.0));
    CHECK(mean_return("Probe-Continuous", 50, copy(0.2)) == doctest::Approx(1.0 - 0.02));
  }
}

TEST_SUITE("pictures") {
  TEST_CASE("environments that show something draw a few narrow lines") {
    for (const char* name : {"CartPole-v1", "Acrobot-v1", "MountainCar-v0",
                             "MountainCarContinuous-v0", "Pendulum-v1", "GridWorld", "Memory"}) {
      INFO(name);
      const auto environment = make_environment(name);
      OwnedRows observation(environment->spec().observations);
      environment->reset(1, observation.fields());
      const std::string picture = environment->render();
      CHECK(picture.ends_with('\n'));
      CHECK(std::count(picture.begin(), picture.end(), '\n') <= 24);
      std::size_t width = 0;
      for (std::size_t from = 0; from < picture.size();) {
        const std::size_t end = picture.find('\n', from);
        width = std::max(width, end - from);
        from = end + 1;
      }
      CHECK(width <= 80);
    }
  }

  TEST_CASE("the maze marks where one is") {
    CHECK(GridWorld{}.render({0}) ==
          "@ . . . .\n"
          ". # # . .\n"
          ". . # . #\n"
          "# . . . .\n"
          ". . # . G\n");
  }
}

}  // namespace rl
