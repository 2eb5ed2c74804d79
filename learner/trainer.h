// The learner loop: collect, update, publish, evaluate, checkpoint, report.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "learner/evaluator.h"
#include "learner/log_prob_check.h"
#include "learner/rollback.h"
#include "learner/round_assembler.h"
#include "learner/run_parts.h"
#include "learner/run_folder.h"
#include "learner/run_state.h"
#include "learner/run_metrics.h"
#include "rl/learner/algorithm.h"
#include "rl/learner/train.h"
#include "rl/rollout/run_config.h"
#include "rl/rollout/worker_pool.h"
#include "rl/transport/learner_endpoint.h"

namespace rl {

// One training from start or checkpoint to end; see train.h.
// Threads: run() on one thread. Workers, the endpoint and the evaluation have their own.
class Trainer {
 public:
  Trainer(const TrainOptions& options, const EnvironmentRegistry& registry,
          const TrainHooks& hooks, RunParts parts);
  TrainSummary run();

 private:
  bool lockstep() const { return config_.mode == rollout::Mode::lockstep; }
  // Texts come in rounds in either mode; in async later rounds begin while one is open.
  bool by_rounds() const { return lockstep() || of_texts(); }
  bool of_texts() const { return config_.text.has_value(); }
  // What TrainOptions counts the run in: steps of environments, or rounds of texts.
  std::uint64_t steps_done() const {
    return of_texts() ? state_.weight_version : state_.environment_steps;
  }
  bool finished() const;
  bool reached_return() const {
    return options_.has_stop_return && state_.last_evaluation >= options_.stop_return;
  }
  // Runs a phase of the loop; its seconds become the metric time/<name>_seconds.
  void timed(const char* name, void (Trainer::*phase)());
  void count(const std::string& metric, double value) { metrics_[metric].add(value); }
  double elapsed_seconds() const;  // of the whole run, earlier calls included
  TrainingProgress progress() const;
  void log(const std::string& line) const;

  void start();
  void restore();
  std::map<std::string, std::string> identity() const;  // what a resumed run must share
  std::map<std::string, std::string> facts(std::map<std::string, std::string> more) const;
  void publish();
  void assign_slots(std::uint64_t round);
  void collect();  // ends early, without a whole round, when interrupted
  void collect_round();
  void collect_ready();
  bool look_after_workers();  // false: interrupted
  void note_events();
  void replace_hung(const std::string& worker_name);
  // trainer_checkpoint.cpp
  Checkpoint make_checkpoint();
  void checkpoint_if_due();
  void save_last();

  // trainer_guard.cpp
  bool is_believed(const transport::ReceivedFragment& received);  // false: dropped, and counted
  WeightSnapshot finite_weights(std::uint64_t version);  // what leaves the learner is finite
  void roll_back(const std::string& why);

  bool belongs_here(const FragmentHeader& header, std::uint32_t slot);
  bool note(Arrival arrival);  // false: dropped, and counted
  bool take_refused();         // true: something the open round was waiting for
  void require_usable(std::size_t fragments);
  void drop(LearnerDrop reason, std::uint64_t fragments = 1) {
    state_.dropped[static_cast<std::size_t>(reason)] += fragments;
  }
  void insert(const FragmentPtr& fragment);
  void update();
  void evaluate_if_due();
  void apply(Evaluated evaluated);
  void report();
  void log_metrics();
  double steps_per_second() const;  // of this call
  Progress progress_now() const;
  TrainSummary finish();
  void drop_leftovers();
  void evaluate_final();
  TrainSummary summarise(const Bytes& weights) const;

  const TrainOptions& options_;
  const EnvironmentRegistry& registry_;
  const TrainHooks& hooks_;
  RunParts parts_;
  EnvironmentSpec spec_;
  std::shared_ptr<const FragmentSchema> schema_;
  rollout::RunConfig config_;
  std::unique_ptr<Algorithm> algorithm_;
  RunFolder folder_;
  replay::Table table_;
  RoundAssembler assembler_;
  RunState state_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<transport::LearnerEndpoint> endpoint_;
  std::unique_ptr<rollout::WorkerPool> pool_;

  WeightSnapshot published_;
  bool updated_ = true;             // since the last publication
  std::uint64_t checkpointed_steps_ = 0;
  Nanoseconds started_{}, last_checkpoint_{}, last_progress_{}, last_publication_{};
  std::uint64_t steps_at_start_ = 0;
  // Episodes a part of which was refused, by environment: their returns say nothing.
  std::map<std::uint64_t, std::uint64_t> spoilt_episodes_;
  std::string last_defect_;         // of a refused fragment
  std::size_t empty_rounds_ = 0;    // without a break, until now
  double staleness_ = 0.0;          // versions behind, mean of the last fragments
  // Of the next line of metrics.
  std::map<std::string, MetricMean> metrics_;
  Nanoseconds last_log_{};
  WorkerIdleness worker_idleness_;
  std::unique_ptr<LogProbCheck> log_prob_check_;  // none where workers are this process's threads
  std::set<std::uint64_t> liars_;   // worker ids
  Rollback rollback_;
  bool interrupted_ = false;
  bool ended_by_return_ = false;    // whatever the final evaluation, of newer weights, says
};

}  // namespace rl
