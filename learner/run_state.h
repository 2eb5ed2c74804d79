// The counted facts of a run: what a checkpoint keeps beside the algorithm's own state.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>

#include "rl/core/bytes.h"

namespace rl {

// Why a received fragment was not used. Stale weights, groups of zero variance and a surplus of
// groups are found when it is drawn, all else before the table. Refusals of the transport
// (out_of_spec, malformed, over_credit) count as received here; run_ended is what came for rounds
// beyond the last; lying: see log_prob_check.h, and whatever else came from such a worker.
enum class LearnerDrop : std::uint8_t {
  duplicate, stale_round, foreign_environment, stale_weights, out_of_spec, malformed, over_credit,
  zero_variance, surplus, run_ended, lying, count_
};
std::string_view name(LearnerDrop reason);

// Threads: a plain value of the learner's thread.
struct RunState {
  std::uint64_t environment_steps = 0;
  std::uint64_t weight_version = 0;  // of the last finished round or update
  std::uint64_t episodes = 0;
  std::uint64_t gradient_steps = 0;
  std::uint64_t skipped_steps = 0;
  std::uint64_t next_evaluation = 0;     // environment steps
  std::uint64_t next_log = 0;            // environment steps
  double wall_seconds = 0.0;             // of earlier calls
  double last_evaluation = std::numeric_limits<double>::quiet_NaN();
  double best_evaluation = -std::numeric_limits<double>::infinity();
  std::uint64_t fragments_received = 0;
  std::uint64_t fragments_inserted = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(LearnerDrop::count_)> dropped{};
  std::deque<double> recent_returns;   // of the last kRecentEpisodes episodes
  std::deque<double> recent_lengths;

  static constexpr std::size_t kRecentEpisodes = 100;
  void count_episode(double episode_return, double length);
  double mean_recent_return() const;
  double mean_recent_length() const;
};

Bytes to_bytes(const RunState& state);
RunState run_state_from_bytes(std::span<const std::byte> bytes);  // throws Error

}  // namespace rl
