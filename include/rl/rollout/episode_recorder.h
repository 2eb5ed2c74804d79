// Turns the steps of one environment into fragments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "rl/core/fields.h"
#include "rl/core/fragment.h"
#include "rl/core/step.h"

namespace rl::rollout {

// Where an environment stands between two steps. Plain numbers: saved for exact continuation.
struct EpisodePosition {
  std::uint64_t sequence = 0;   // of the fragment being written
  std::uint64_t episode = 0;
  std::uint32_t step = 0;       // steps made in the episode
  double episode_return = 0.0;
};

// Writes steps straight into a fragment's columns:
//
//   open(capacity) -> observation() is filled by reset() or carried over
//   per step: act reads observation(), writes action() and log_prob(); the environment writes
//   next_observation(); record() moves on -> finish() gives the fragment
//
// Threads: one thread at a time.
class EpisodeRecorder {
 public:
  EpisodeRecorder(std::shared_ptr<const FragmentSchema> schema, std::uint64_t environment,
                  EpisodePosition position = {});

  // Starts a fragment of at most `capacity` steps. Unless an episode was just begun, the last
  // observation of the finished fragment becomes the first of this one.
  void open(std::size_t capacity);
  bool is_open() const { return fragment_ != nullptr; }

  // Rows of the current step in the open fragment; valid until the next record().
  Fields observation() const { return Fields(observation_rows_); }
  Fields next_observation() const { return Fields(next_observation_rows_); }
  Fields action() const { return Fields(action_rows_); }
  ConstFields const_observation() const;
  ConstFields const_action() const;
  float* log_prob() const { return log_prob_; }

  // Completes the current step.
  void record(const StepResult& result, std::uint64_t policy_version);
  bool is_full() const { return num_steps_ == capacity_; }
  bool ended() const { return end_ != FragmentEnd::running; }  // by the last recorded step
  std::size_t num_steps() const { return num_steps_; }

  // Closes the fragment at the steps recorded so far (at least one) and moves to the next sequence
  // number; after an end also to the next episode.
  std::unique_ptr<Fragment> finish(std::size_t continuation_bytes = 0, std::uint64_t round = 0,
                                   bool ends_round = false);
  // Throws the open fragment away: its steps were never produced.
  void abandon();

  const EpisodePosition& position() const { return position_; }
  bool at_episode_start() const { return position_.step == 0; }
  // The observation the next fragment starts with, as bytes of all fields one after the other.
  const std::vector<std::byte>& carried_observation() const { return carried_; }
  void set_carried_observation(std::vector<std::byte> observation);
  std::size_t observation_bytes() const;

 private:
  void point_rows();
  void carry_last_row();

  std::shared_ptr<const FragmentSchema> schema_;
  std::uint64_t environment_;
  EpisodePosition position_;
  std::vector<std::size_t> observation_columns_, action_columns_;
  std::size_t reward_column_, log_prob_column_, version_column_;

  std::unique_ptr<Fragment> fragment_;
  std::size_t capacity_ = 0;
  std::size_t num_steps_ = 0;
  FragmentEnd end_ = FragmentEnd::running;
  std::vector<std::byte> carried_;

  std::vector<std::byte*> observation_rows_, next_observation_rows_, action_rows_;
  std::vector<const std::byte*> const_observation_rows_, const_action_rows_;
  float* reward_ = nullptr;
  float* log_prob_ = nullptr;
  std::int64_t* version_ = nullptr;
};

}  // namespace rl::rollout
