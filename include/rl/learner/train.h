// Runs a training from start, or from its last checkpoint, to its end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "rl/core/spec.h"
#include "rl/envs/registry.h"
#include "rl/learner/train_options.h"
#include "rl/reporting/progress_line.h"

namespace rl {

// How the caller takes part. Everything may be left as it is.
struct TrainHooks {
  // 0: go on; 1: stop cleanly and leave a resumable run. May change at any time.
  const std::atomic<int>* stop = nullptr;
  std::string program{};      // worker processes start as `program worker ...`
  std::string config_text{};  // resolved configuration, written to <out>/config.ini
  // Spec of external simulators (rollout::Session), when the registry has no such environment.
  std::optional<EnvironmentSpec> external_environment{};
  // Called with the process id of every worker process that is started.
  std::function<void(int)> worker_started{};
  // Called from several threads, one at a time.
  std::function<void(const std::string& line)> log{};
  // Called from the learner's thread, at most a few times a second.
  std::function<void(const Progress&)> progress{};
};

enum class TrainEnd : std::uint8_t { steps_reached, return_reached, interrupted };

struct TrainSummary {
  TrainEnd end = TrainEnd::steps_reached;
  std::uint64_t environment_steps = 0;
  std::uint64_t episodes = 0;
  std::uint64_t updates = 0;         // gradient steps
  std::uint64_t skipped_updates = 0; // non-finite: left no trace
  std::uint64_t rollbacks = 0;       // of this call: to the last checkpoint's weights
  std::uint64_t failed_writes = 0;   // of this call: a full disk and the like, each with an alarm
  std::uint64_t weight_version = 0;
  double wall_seconds = 0.0;         // of this call
  double last_evaluation = 0.0;      // mean return
  double best_evaluation = 0.0;
  std::uint64_t worker_restarts = 0;
  // The ledger, in fragments: received = used (or still in the table) + dropped by the learner.
  std::uint64_t fragments_received = 0;
  std::uint64_t fragments_used = 0;
  std::uint64_t fragments_dropped = 0;
  std::string dropped_by_reason{};   // "duplicate 3, stale 1", empty when none
  std::string weights_digest{};      // of the final weights image: equal runs have equal digests
  std::string out{};
  std::string model{};               // of a run on texts: the trained model's folder
};

// Writes <out>/: config.ini, metrics.jsonl, progress.csv, TensorBoard events, report.html,
// checkpoints/ (last ones), best/ (best evaluation). With options.resume continues the newest whole
// checkpoint; without it refuses a folder that holds one.
// In lockstep mode the weights depend on the options and the seed alone: not on the number or kind
// of workers, nor on kills and resumes in between.
// A disk that fills up or fails on the way costs checkpoints and lines of metrics, not the run: an
// alarm goes to hooks.log. Weights that are not finite are never published or saved: after 3
// skipped steps in a row, or 10 of the last 1,000, the algorithm goes back to the last checkpoint
// (the experience goes on), at most twice. Workers of other processes whose log-probs are not those
// of the weights they name are quarantined.
// Throws Error for wrong options, an occupied address, workers that stay away, a disk that does not
// take the first files or the final checkpoint, or a third time back.
// Threads: runs on the caller's thread and sets the process's LibTorch threads to 1; one training
// at a time per process.
TrainSummary train(const TrainOptions& options, const EnvironmentRegistry& registry,
                   const TrainHooks& hooks);

}  // namespace rl
