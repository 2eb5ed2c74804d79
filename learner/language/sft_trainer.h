// The loop of supervised fine-tuning: step, evaluate, checkpoint, report.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "learner/language/learning_rate_schedule.h"
#include "learner/language/samples_log.h"
#include "learner/language/sft_data.h"
#include "learner/language/sft_loss.h"
#include "learner/language/sft_state.h"
#include "learner/run_folder.h"
#include "rl/core/clock.h"
#include "rl/language/batch_plan.h"
#include "rl/learner/sft.h"
#include "rl/models/adam.h"

namespace rl {

// One run of train_sft. Threads: one thread at a time.
class SftTrainer {
 public:
  SftTrainer(const SftOptions& options, const SftHooks& hooks);
  SftSummary run();

 private:
  // sft_trainer_setup.cpp
  void start();
  void restore();
  std::map<std::string, std::string> identity() const;

  // sft_trainer.cpp
  bool finished() const { return state_.steps >= schedule_.total_steps; }
  bool stop_asked();
  void step();
  Examples next_batch();
  void evaluate_if_due();
  void evaluate();
  void checkpoint_if_due();
  void checkpoint();
  Bytes weights_image();
  SftSummary finish();
  void save_results(SftSummary& summary);

  // sft_trainer_report.cpp
  void log(const std::string& line) const;
  void report();
  void log_metrics();
  SftSummary summarise();
  double elapsed_seconds() const;
  double call_seconds() const;
  double tokens_per_second() const;

  const SftOptions options_;
  const SftHooks hooks_;
  RunFolder folder_;
  language::ModelFolder model_folder_;
  ModelText text_;
  SftData data_;
  LanguageModel model_;
  Adam optimiser_;
  language::BatchPlan plan_;
  LearningRateSchedule schedule_;
  std::optional<SamplesLog> samples_;

  SftState state_;
  std::vector<language::ExampleBatch> batches_;  // of state_.epoch
  bool interrupted_ = false;

  // What the next line of metrics is about.
  double loss_sum_ = 0.0;
  double gradient_norm_sum_ = 0.0;
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
