// Memory: what was shown at the first step is asked for at the last.
#pragma once

#include "rl/envs/task.h"

namespace rl {

// The first observation shows one of two cues; then nothing, for kDelay steps; then the question.
// Only the answer to it counts: +1 when the action is the cue, -1 when not, and the episode ends.
// Without memory no policy does better than 0 on average; with it the return is 1.
struct Memory {
  struct State {
    std::int64_t cue;   // 0 or 1
    std::int64_t step;  // 0 .. kDelay + 1
  };
  using Action = std::int64_t;

  static constexpr std::int64_t kDelay = 6;  // steps between the cue and the question

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;  // f32 [3]: cue 0, cue 1, question
  bool is_possible(const State& state) const;
  std::string render(const State& state) const;
};

}  // namespace rl
