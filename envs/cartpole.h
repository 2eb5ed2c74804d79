// CartPole-v1: keep a pole upright on a cart by pushing the cart left or right.
#pragma once

#include <array>

#include "rl/envs/task.h"

namespace rl {

// Barto, Sutton, Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
// control problems", with Gymnasium's constants. Reward 1 per step.
struct CartPole {
  using State = std::array<double, 4>;  // position m, velocity m/s, angle rad, angular velocity
  using Action = std::int64_t;          // 0 pushes left, 1 pushes right

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

}  // namespace rl
