// The counted facts of a fine-tuning run: what a checkpoint keeps beside weights and moments.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "rl/core/bytes.h"
#include "rl/learner/fine_tune.h"

namespace rl {

// Threads: a plain value.
struct FineTuneState {
  std::uint64_t steps = 0;       // of the optimiser, skipped ones included; places the schedule
  std::uint64_t epoch = 0;
  std::uint64_t next_batch = 0;  // of the epoch
  std::uint64_t tokens = 0;
  std::uint64_t evaluated_at = std::numeric_limits<std::uint64_t>::max();  // step; none yet
  double wall_seconds = 0.0;     // of earlier calls
  double training_loss = std::numeric_limits<double>::quiet_NaN();
  HeldOutFigures held_out{};
};

Bytes to_bytes(const FineTuneState& state);
FineTuneState fine_tune_state_from_bytes(std::span<const std::byte> bytes);  // throws Error

}  // namespace rl
