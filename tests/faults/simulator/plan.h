// What happens to a simulated run, drawn from its seed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rl/core/rng.h"
#include "rl/transport/options.h"

namespace rl::transport::simulator {

// Chances are per message; rates are per second and node. Each kind of fault is absent from half of
// the seeds, so that every mixture of them occurs.
// Threads: a plain value.
struct Plan {
  std::uint64_t seed = 0;
  std::size_t num_workers = 3;
  int duration_ms = 2000;  // with faults; then all is healed and must settle

  double drop = 0.0;
  double repeat = 0.0;
  double corrupt = 0.0;       // one byte of the message changes
  int longest_delay_ms = 1;   // above 1 messages overtake each other

  double kill_worker = 0.0;
  double kill_learner = 0.0;
  double partition = 0.0;     // one worker, one way or both
  double reconnect = 0.0;     // the connection is another one from now on
  double stall = 0.0;         // a node does nothing for a while, then hears all at once
  double clock_jump = 0.0;    // a node's clock skips time

  std::size_t image_bytes = 2500;  // of weights; a chunk has 1024
  double produce = 0.5;            // chance of a fragment per tick
  double consume = 0.8;            // chance that the next unread fragment is read
  double publish = 0.1;            // chance of new weights per tick of the learner
  std::size_t consumed_per_checkpoint = 8;

  LearnerOptions learner{};
  WorkerOptions worker{};
};

Plan plan_of(std::uint64_t seed);

}  // namespace rl::transport::simulator
