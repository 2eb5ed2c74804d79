// MountainCar-v0 and MountainCarContinuous-v0: a weak car must rock itself out of a valley.
#pragma once

#include <array>

#include "rl/envs/task.h"

namespace rl {

// Moore 1990, "Efficient memory-based learning for robot control", with Gymnasium's constants.
// Reward -1 per step.
struct MountainCar {
  using State = std::array<double, 2>;  // position, velocity per step
  using Action = std::int64_t;          // pushes left, not at all, right

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

// The same valley with a force of one's choice, which costs 0.1 force^2, and 100 for the goal.
// Gymnasium keeps this state in f32 and charges forces outside [-1, 1] as given; here they are
// clipped first, which is Gymnasium under its ClipAction wrapper.
struct MountainCarContinuous {
  using State = MountainCar::State;
  using Action = float;

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

}  // namespace rl
