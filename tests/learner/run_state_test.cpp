#include "learner/run_state.h"

#include <doctest/doctest.h>

#include <cmath>

#include "rl/core/error.h"

namespace rl {
namespace {

RunState example() {
  RunState state;
  state.environment_steps = 12345;
  state.weight_version = 7;
  state.wall_seconds = 1.5;
  state.best_evaluation = 400.25;
  state.dropped[0] = 3;
  for (int i = 0; i < 250; ++i) state.count_episode(i, 2.0 * i);
  return state;
}

TEST_SUITE("run state") {
  TEST_CASE("it survives being saved, field by field") {
    const RunState saved = example();
    const RunState read = run_state_from_bytes(to_bytes(saved));
    CHECK(to_bytes(read) == to_bytes(saved));
    CHECK(read.environment_steps == 12345);
    CHECK(read.weight_version == 7);
    CHECK(read.episodes == 250);
    CHECK(read.best_evaluation == 400.25);
    CHECK(read.dropped[0] == 3);
    CHECK(read.recent_returns == saved.recent_returns);
  }

  TEST_CASE("the recent mean is over the last hundred episodes") {
    const RunState state = example();
    CHECK(state.recent_returns.size() == RunState::kRecentEpisodes);
    CHECK(state.mean_recent_return() == doctest::Approx((150 + 249) / 2.0));
    CHECK(state.mean_recent_length() == doctest::Approx(150 + 249));
    CHECK(std::isnan(RunState{}.mean_recent_return()));
  }

  TEST_CASE("cut short anywhere it is refused") {
    const Bytes whole = to_bytes(example());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK_THROWS_AS(run_state_from_bytes(std::span(whole).first(size)), Error);
    }
  }
}

}  // namespace
}  // namespace rl
