// Pendulum-v1: swing a pendulum up with a torque too weak to lift it, and hold it.
#pragma once

#include <array>

#include "rl/envs/task.h"

namespace rl {

// Gymnasium's constants. Reward -(angle^2 + 0.1 velocity^2 + 0.001 torque^2) of the state and
// action before the step; the episode only ends at its limit.
struct Pendulum {
  using State = std::array<double, 2>;  // angle rad from upright (any number of turns), rad/s
  using Action = float;                 // torque, N m

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

}  // namespace rl
