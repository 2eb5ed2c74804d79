// GridWorld: a maze small enough to know every value of it.
#pragma once

#include "rl/envs/task.h"

namespace rl {

// 5 x 5 cells with walls; every episode starts in a free cell drawn uniformly. Moves are exact,
// reward is -1 per step, reaching the goal ends the episode: the undiscounted value of a cell is
// minus its distance to the goal, 0 for the goal. A move into a wall or out of the maze stays
// where it is, unless the mask is on: then such a move is forbidden and throws Error.
struct GridWorld {
  struct State {
    std::int64_t cell;  // 5 * row + column
  };
  using Action = std::int64_t;  // up, right, down, left

  static constexpr std::int64_t kSide = 5;
  static constexpr std::int64_t kCells = kSide * kSide;
  static constexpr std::int64_t kActions = 4;

  bool has_mask = false;  // adds the observation "action_mask"

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;

  static bool is_free(std::int64_t cell);
  static std::int64_t goal();
  // The cell a move leads to; its own when something is in the way.
  static std::int64_t neighbour(std::int64_t cell, std::int64_t action);
};

}  // namespace rl
