// For simulators that own the loop: link this, call four functions, keep your architecture.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "rl/core/fields.h"
#include "rl/core/spec.h"
#include "rl/transport/options.h"

namespace rl::rollout {

struct SessionOptions {
  transport::WorkerOptions transport{};
  std::string name = "simulator";
  std::chrono::milliseconds connect_deadline{10000};  // for the learner and its first weights
  // The longest any later call may wait for the learner. When it takes no more experience in that
  // time the fragment is dropped and counted: the simulator goes on.
  std::chrono::milliseconds max_block{2};
};

struct SessionCounters {
  std::uint64_t steps = 0;
  std::uint64_t episodes = 0;
  std::uint64_t fragments_sent = 0;
  std::uint64_t fragments_dropped = 0;  // the learner took no more, or was lost
  std::uint64_t policy_version = 0;
  bool learner_present = true;
  bool stop_requested = false;
};

// One simulator process serving a learner in async mode. Per environment:
//
//   begin_episode(); while running { act(observation, action); ...apply...; record(reward); }
//   end_episode(terminated or truncated, final observation);
//
// Calls out of this order throw Error naming the call that was expected, and change nothing.
// When the learner is lost the last policy keeps acting; begin_episode() looks for it again, for at
// most max_block.
// Threads: one thread at a time per object.
class Session {
 public:
  enum class End { terminated, truncated };

  // Throws Error when the learner refuses (with both specs shown), does not answer in time, or runs
  // in lockstep mode.
  Session(SessionOptions options, EnvironmentSpec spec);
  ~Session();

  // Environments this session was given; `environment` below counts from 0.
  std::size_t num_environments() const;

  void begin_episode(std::size_t environment = 0);
  // Reads one row per observation of the spec and writes one row per action, as sampled: clip a
  // continuous action to its bounds before applying it.
  void act(ConstFields observation, Fields action, std::size_t environment = 0);
  // The reward of the action that act() gave last.
  void record(float reward, std::size_t environment = 0);
  void end_episode(End end, ConstFields final_observation, std::size_t environment = 0);

  SessionCounters counters() const;

  // Sends what is complete and waits for its acknowledgement. False at the deadline: what was not
  // acknowledged is lost, and counted by the learner.
  bool close(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::rollout
