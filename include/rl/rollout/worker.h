// A worker owns the loop over its environments and serves one learner.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "rl/envs/registry.h"
#include "rl/language/text_generator.h"
#include "rl/language/verifier.h"
#include "rl/transport/options.h"

namespace rl {
class Fragment;
}
namespace rl::transport {
struct Welcome;
}

namespace rl::rollout {

// Told of what a worker gives away, for those who keep account of it. Sequence numbers are the
// transport's: they count from 1 in every connection, and the learner's end shows the same ones.
// Threads: called from the worker's thread. What a method throws ends the worker.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  virtual void connected(const transport::Welcome& welcome) = 0;
  // Before the transport is given the fragment. The last one of a connection may be withdrawn.
  virtual void offering(const Fragment& fragment, std::uint64_t sequence) = 0;
  // After a closing handshake, or without one: numbers up to `last_sequence` were given out, and
  // the last `unacknowledged` of them may or may not have arrived.
  virtual void disconnected(std::uint64_t last_sequence, std::size_t unacknowledged) = 0;
};

struct WorkerRunOptions {
  transport::WorkerOptions transport{};
  std::string name = "worker";
  std::int32_t slot = -1;  // wanted share of the environments; -1: any
  // How long to look for a learner, at the start and after losing one, before giving up.
  std::chrono::milliseconds retry{15000};
  std::chrono::milliseconds close_deadline{5000};
  // Runs of texts: what makes them, and what scores them (must outlive the call).
  language::GeneratorOptions generator{};
  language::GeneratorFactory make_generator = &language::make_cpu_generator;
  const language::VerifierRegistry* verifiers = &language::builtin_verifiers();
  WorkerObserver* observer = nullptr;  // when given, must outlive the call
};

struct WorkerSummary {
  std::uint64_t steps = 0;
  std::uint64_t fragments = 0;
  std::uint64_t fragments_lost = 0;  // unacknowledged when the connection ended
  std::uint64_t connections = 0;
};

// Connects, takes the learner's environment from `registry`, steps it and sends fragments until the
// learner says stop or `stop` becomes true. When the learner's run is one of texts
// (RunConfig::text) it completes prompts instead: see rollout/text_collector.h. A lost learner is
// looked for again; state then comes from the learner's assignment. Returns after a closing
// handshake.
// Throws Error when the learner refuses, stays away longer than `retry`, names an environment that
// the registry lacks, or a task, file or verifier that is not here.
// Threads: runs on the caller's thread; several workers may run in one process.
WorkerSummary run_worker(const WorkerRunOptions& options, const EnvironmentRegistry& registry,
                         const std::atomic<bool>& stop,
                         const std::function<void(const std::string&)>& log);

}  // namespace rl::rollout
