// Runs a fine-tuning of a language model on a file of examples from start, or from its last
// checkpoint, to its end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "rl/learner/fine_tune_options.h"
#include "rl/reporting/progress_line.h"

namespace rl {

// How the caller takes part. Everything may be left as it is. All are called from the caller's
// own thread.
struct FineTuneHooks {
  // 0: go on; 1: stop after the step at hand and leave a resumable run. May change at any time.
  const std::atomic<int>* stop = nullptr;
  std::string config_text{};  // resolved configuration, written to <out>/config.ini
  std::function<void(const std::string& line)> log{};
  std::function<void(const Progress&)> progress{};  // at most a few times a second
  std::function<void(std::uint64_t step)> after_step{};
};

// The newest figures on data that is never learned from; NaN: not measured.
struct HeldOutFigures {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  double loss = kUnknown;            // per token; of pairs per pair
  double token_accuracy = kUnknown;  // greedy, given the true past
  double exact_match = kUnknown;     // share of prompts
  std::uint64_t exact_prompts = 0;
  double pair_accuracy = kUnknown;   // share of pairs whose chosen completion has the higher reward
  double reward_margin = kUnknown;   // mean of chosen - rejected
};

struct FineTuneSummary {
  bool interrupted = false;
  std::uint64_t steps = 0;            // of the optimiser, skipped ones included
  std::uint64_t skipped_steps = 0;    // non-finite: left no trace
  std::uint64_t total_steps = 0;
  std::uint64_t tokens = 0;           // that went through the model for learning
  double wall_seconds = 0.0;          // of this call
  double tokens_per_second = 0.0;     // of this call
  double training_loss = HeldOutFigures::kUnknown;  // of the last step
  HeldOutFigures held_out{};
  std::string data{};                 // counts for people
  std::string weights_digest{};       // equal runs have equal digests
  std::string model{};                // <out>/model; empty when interrupted
  std::string adapter{};              // <out>/adapter; empty without LoRA
  std::string out{};
};

// The loss of a step is the mean over all loss tokens of its batch, however it is split into
// micro-batches. Writes <out>/: config.ini, metrics.jsonl, progress.csv, TensorBoard events,
// report.html, samples.jsonl, checkpoints/, and at the end model/ (a Hugging Face directory), with
// LoRA also adapter/ (PEFT's format). With options.resume continues the newest whole checkpoint;
// without it refuses a folder that holds one. On the CPU the weights depend on the options, data
// and model alone: not on kills and resumes in between.
// Throws Error for wrong options, data or models, and a full disk.
// Threads: runs on the caller's thread and sets the process's LibTorch threads; one training at a
// time per process.
FineTuneSummary fine_tune(const FineTuneOptions& options, const FineTuneHooks& hooks);

}  // namespace rl
