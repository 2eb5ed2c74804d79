#include <algorithm>
#include <chrono>
#include <cmath>

#include "learner/trainer.h"
#include "rl/formats/digest.h"

namespace rl {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};
constexpr double kLogsPerRun = 2000.0;

}  // namespace

void Trainer::report() {
  if (steps_done() >= state_.next_log) {
    const double step = std::max(1.0, static_cast<double>(options_.total_steps) / kLogsPerRun);
    state_.next_log = steps_done() + static_cast<std::uint64_t>(step);
    log_metrics();
  }
  const Nanoseconds now = steady_clock().now();
  if (!hooks_.progress || now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  hooks_.progress(progress_now());
}

double Trainer::steps_per_second() const {
  const double seconds = std::chrono::duration<double>(steady_clock().now() - started_).count();
  return static_cast<double>(steps_done() - steps_at_start_) / std::max(seconds, 1e-9);
}

Progress Trainer::progress_now() const {
  return {.steps = steps_done(),
          .total_steps = options_.total_steps,
          .steps_per_second = steps_per_second(),
          .mean_return = state_.mean_recent_return(),
          .evaluation_return = state_.last_evaluation,
          .staleness = staleness_,
          .wall_seconds = elapsed_seconds()};
}

void Trainer::log_metrics() {
  const Nanoseconds now = steady_clock().now();
  const double seconds = std::chrono::duration<double>(now - last_log_).count();
  last_log_ = now;
  std::map<std::string, double> metrics;
  metrics["learner/idle"] = metrics_["time/collect_seconds"].sum / seconds;
  metrics["workers/idle"] = worker_idleness_.share(endpoint_->workers());
  if (of_texts()) {
    metrics["time/tokens_per_second"] = metrics_["completions/tokens"].sum / seconds;
  }
  for (const auto& [name, mean] : metrics_) metrics[name] = mean.value();
  metrics_.clear();
  const auto counters = endpoint_->counters();
  metrics["rollout/episode_return"] = state_.mean_recent_return();
  metrics["rollout/episode_length"] = state_.mean_recent_length();
  metrics["rollout/episodes"] = static_cast<double>(state_.episodes);
  metrics["time/steps_per_second"] = steps_per_second();
  metrics["learner/gradient_steps"] = static_cast<double>(state_.gradient_steps);
  metrics["learner/skipped_steps"] = static_cast<double>(state_.skipped_steps);
  metrics["learner/weight_version"] = static_cast<double>(state_.weight_version);
  metrics["learner/rollbacks"] = static_cast<double>(rollback_.count());
  metrics["learner/failed_writes"] = static_cast<double>(folder_.failed_writes());
  metrics["learner/staleness"] = staleness_;
  metrics["transport/bytes_received"] = static_cast<double>(counters.bytes_received);
  metrics["transport/workers"] = static_cast<double>(endpoint_->workers().size());
  std::erase_if(metrics, [](const auto& metric) { return !std::isfinite(metric.second); });
  folder_.try_write_metrics(steps_done(), elapsed_seconds(), metrics);
}

TrainSummary Trainer::summarise(const Bytes& weights) const {
  TrainSummary summary;
  const bool reached = ended_by_return_ || reached_return();
  summary.end = interrupted_ ? TrainEnd::interrupted
                : reached    ? TrainEnd::return_reached
                             : TrainEnd::steps_reached;
  summary.environment_steps = state_.environment_steps;
  summary.episodes = state_.episodes;
  summary.updates = state_.gradient_steps;
  summary.skipped_updates = state_.skipped_steps;
  summary.rollbacks = rollback_.count();
  summary.failed_writes = folder_.failed_writes();
  summary.weight_version = state_.weight_version;
  summary.wall_seconds = std::chrono::duration<double>(steady_clock().now() - started_).count();
  summary.last_evaluation = state_.last_evaluation;
  summary.best_evaluation = state_.best_evaluation;
  summary.worker_restarts = pool_ ? pool_->num_restarts() : 0;
  summary.fragments_received = state_.fragments_received;
  summary.fragments_used = state_.fragments_inserted;
  for (const auto reason :
       {LearnerDrop::stale_weights, LearnerDrop::zero_variance, LearnerDrop::surplus}) {
    summary.fragments_used -= state_.dropped[static_cast<std::size_t>(reason)];
  }
  for (std::size_t i = 0; i < state_.dropped.size(); ++i) {
    if (state_.dropped[i] == 0) continue;
    summary.fragments_dropped += state_.dropped[i];
    summary.dropped_by_reason += (summary.dropped_by_reason.empty() ? "" : ", ") +
                                 std::string(name(static_cast<LearnerDrop>(i))) + " " +
                                 std::to_string(state_.dropped[i]);
  }
  summary.weights_digest = to_hex(digest(weights));
  summary.out = folder_.path().string();
  return summary;
}

}  // namespace rl
