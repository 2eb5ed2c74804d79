#include <algorithm>
#include <chrono>

#include "learner/language/fine_tuner.h"
#include "rl/formats/digest.h"

namespace rl {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};
constexpr double kLogsPerRun = 2000.0;

}  // namespace

void FineTuner::log(const std::string& line) const {
  if (hooks_.log) hooks_.log(line);
}

double FineTuner::call_seconds() const {
  return std::chrono::duration<double>(steady_clock().now() - started_).count();
}

double FineTuner::elapsed_seconds() const { return state_.wall_seconds + call_seconds(); }

double FineTuner::tokens_per_second() const {
  return static_cast<double>(state_.tokens - tokens_at_start_) / std::max(call_seconds(), 1e-9);
}

void FineTuner::report() {
  if (state_.steps >= next_log_) {
    const double interval =
        std::max(1.0, static_cast<double>(schedule_.total_steps) / kLogsPerRun);
    next_log_ = state_.steps + static_cast<std::uint64_t>(interval);
    log_metrics();
  }
  const Nanoseconds now = steady_clock().now();
  if (!hooks_.progress || now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  Progress progress{.steps = state_.steps,
                    .total_steps = schedule_.total_steps,
                    .wall_seconds = elapsed_seconds()};
  progress.steps_per_second =
      static_cast<double>(state_.steps - steps_at_start_) / std::max(call_seconds(), 1e-9);
  progress.loss = state_.training_loss;
  progress.evaluation_loss = state_.held_out.loss;
  progress.exact_match = state_.held_out.exact_match;
  hooks_.progress(progress);
}

void FineTuner::log_metrics() {
  std::map<std::string, double> metrics;
  for (const auto& [name, sum] : sums_) metrics[name] = sum / static_cast<double>(finite_steps_);
  sums_.clear();
  finite_steps_ = 0;
  metrics["learning_rate"] = learning_rate_;
  metrics["learner/epoch"] = static_cast<double>(state_.epoch);
  metrics["learner/tokens"] = static_cast<double>(state_.tokens);
  metrics["learner/skipped_steps"] = static_cast<double>(optimiser_.num_skipped());
  metrics["time/tokens_per_second"] = tokens_per_second();
  folder_.try_write_metrics(state_.steps, elapsed_seconds(), metrics);
}

FineTuneSummary FineTuner::summarise() {
  FineTuneSummary summary;
  summary.interrupted = interrupted_;
  summary.steps = state_.steps;
  summary.skipped_steps = optimiser_.num_skipped();
  summary.total_steps = schedule_.total_steps;
  summary.tokens = state_.tokens;
  summary.wall_seconds = call_seconds();
  summary.tokens_per_second = tokens_per_second();
  summary.training_loss = state_.training_loss;
  summary.held_out = state_.held_out;
  summary.data = objective_->describe_data().front();
  summary.weights_digest = to_hex(digest(weights_image()));
  summary.out = folder_.path().string();
  return summary;
}

}  // namespace rl
