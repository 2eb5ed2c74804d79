// Acrobot-v1: swing a two-link arm up with torque at the elbow alone.
#pragma once

#include <array>

#include "rl/envs/task.h"

namespace rl {

// Sutton 1996, "Generalization in reinforcement learning", with the dynamics of Sutton and Barto's
// book and one Runge-Kutta step of 0.2 s, as Gymnasium. Reward -1 per step, 0 for the one that
// reaches the height.
struct Acrobot {
  using State = std::array<double, 4>;  // shoulder rad from hanging, elbow rad, their rad/s
  using Action = std::int64_t;          // torque action - 1, N m

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

}  // namespace rl
