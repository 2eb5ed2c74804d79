// The loop of fine-tuning on a file of data, whatever the loss: step, evaluate, checkpoint, report.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "learner/language/fine_tune_state.h"
#include "learner/language/learning_rate_schedule.h"
#include "learner/language/objective.h"
#include "learner/language/samples_log.h"
#include "learner/rollback.h"
#include "learner/run_folder.h"
#include "rl/core/clock.h"
#include "rl/language/batch_plan.h"
#include "rl/learner/fine_tune.h"
#include "rl/models/adam.h"

namespace rl {

// One run of fine_tune. Threads: one thread at a time.
class FineTuner {
 public:
  FineTuner(const FineTuneOptions& options, const FineTuneHooks& hooks);
  FineTuneSummary run();

 private:
  // fine_tuner_setup.cpp
  void start();
  void restore();
  void load_weights(const Checkpoint& checkpoint);  // and the optimiser's moments
  void roll_back(const std::string& why);
  std::map<std::string, std::string> identity() const;

  // fine_tuner.cpp
  bool finished() const { return state_.steps >= schedule_.total_steps; }
  bool stop_asked();
  void step();
  const language::ExampleBatch& next_batch();
  void evaluate_if_due();
  void evaluate();
  void checkpoint_if_due();
  Checkpoint make_checkpoint();
  Bytes weights_image();
  Bytes optimiser_image();
  FineTuneSummary finish();

  // fine_tuner_report.cpp
  void log(const std::string& line) const;
  void report();
  void log_metrics();
  FineTuneSummary summarise();
  double elapsed_seconds() const;
  double call_seconds() const;
  double tokens_per_second() const;

  const FineTuneOptions options_;
  const FineTuneHooks hooks_;
  RunFolder folder_;
  language::ModelFolder model_folder_;
  ModelText text_;
  std::unique_ptr<Objective> objective_;
  Adam optimiser_;
  language::BatchPlan plan_;
  LearningRateSchedule schedule_;
  std::optional<SamplesLog> samples_;

  FineTuneState state_;
  std::vector<language::ExampleBatch> batches_;  // of state_.epoch
  bool interrupted_ = false;
  Rollback rollback_;

  // What the next line of metrics is about.
  std::map<std::string, double> sums_;  // over the finite steps
  std::uint64_t finite_steps_ = 0;
  double learning_rate_ = 0.0;

  std::uint64_t checkpointed_steps_ = 0;
  std::uint64_t next_log_ = 0;
  std::uint64_t steps_at_start_ = 0;
  std::uint64_t tokens_at_start_ = 0;
  Nanoseconds started_{};
  Nanoseconds last_checkpoint_{};
  Nanoseconds last_progress_{};
};

}  // namespace rl
