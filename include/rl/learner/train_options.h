// Everything a training run is told. No Torch here: the command line fills it, the learner reads it.
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rl/algorithms/options.h"
#include "rl/transport/options.h"

namespace rl {

struct TrainOptions {
  std::string algorithm = "ppo";       // ppo or dqn
  std::string environment = "CartPole-v1";
  std::string spec_file{};             // text of a simulator's spec, instead of `environment`
  std::size_t num_environments = 8;    // over all workers; fixes the result in lockstep mode
  std::size_t num_workers = 2;         // local workers started by the run; 0: wait for remote ones
  std::size_t num_slots = 0;           // shares of the environments; 0: num_workers, at least 1
  std::string worker_mode = "process"; // thread or process
  std::string endpoint = "ipc";        // inproc, ipc or tcp, for local workers
  std::string bind{};                  // full address instead of `endpoint`, e.g. tcp://0.0.0.0:5555
  std::string mode = "lockstep";       // lockstep or async
  std::uint64_t seed = 1;
  std::uint64_t total_steps = 100000;  // environment steps over all environments
  double stop_return = 0.0;            // end when an evaluation reaches it
  bool has_stop_return = false;
  std::string out = "runs/latest";     // run directory
  bool resume = false;
  std::string device = "cpu";          // cpu or cuda
  std::uint64_t evaluate_every = 10000;   // environment steps; 0: only at the end
  std::size_t evaluation_episodes = 20;
  std::size_t evaluation_environments = 8;
  double checkpoint_every = 30.0;      // seconds; 0: only at the end
  std::size_t keep_checkpoints = 3;
  std::size_t fragment_steps = 128;    // a fragment's most steps
  double worker_wait = 60.0;           // seconds a round may wait for a silent worker
  bool quiet = false;                  // no progress line
  std::string keys{};                  // directory made by `corral keygen`; empty: no encryption
  PpoOptions ppo{};
  DqnOptions dqn{};
};

// Throws Error naming the option, what is allowed and what was given.
void validate(const TrainOptions& options);

}  // namespace rl
