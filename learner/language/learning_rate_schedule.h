// How the learning rate moves over a run.
#pragma once

#include <cstdint>

namespace rl {

struct LearningRateSchedule {
  double highest = 0.0;
  std::uint64_t warmup_steps = 0;
  std::uint64_t total_steps = 0;
  bool cosine = true;
};

// Of step 0 .. total - 1. Warm-up: highest (step + 1) / warmup, so that the last step of it has the
// highest rate and none has 0. Then level, or
// highest / 2 (1 + cos(pi (step - warmup) / (total - warmup))) (Loshchilov & Hutter 2017, eq. 5),
// which would reach 0 at the step after the last. Threads: a pure function.
double learning_rate_at(const LearningRateSchedule& schedule, std::uint64_t step);

}  // namespace rl
