// Evaluates weights on a thread of its own while training goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>

#include "rl/core/bytes.h"
#include "rl/rollout/evaluation.h"

namespace rl {

// A finished evaluation with the weights it is about.
struct Evaluated {
  std::uint64_t environment_steps = 0;  // of the run (rounds of texts) when the weights were taken
  std::uint64_t weight_version = 0;
  std::shared_ptr<const Bytes> image;
  double mean_return = 0.0;
  double standard_error = 0.0;
  double mean_length = 0.0;
  std::string samples{};  // JSON lines about single texts; empty for environments
};

// Fills the means and samples; ends early when `stop` is set. Called on the evaluator's thread.
using EvaluateFunction =
    std::function<Evaluated(const WeightSnapshot& snapshot, const std::atomic<bool>& stop)>;

// Plays episodes of a registered environment. `registry` must outlive the function.
EvaluateFunction environment_evaluation(const EnvironmentRegistry& registry,
                                        std::string environment,
                                        rollout::EvaluationOptions options);

// One evaluation at a time. Its result depends on weights and seed alone; when it is looked at is
// for the caller to decide by counted steps, so that lockstep runs stay repeatable.
// Threads: one thread at a time. The destructor stops a running evaluation and waits for it.
class Evaluator {
 public:
  explicit Evaluator(EvaluateFunction evaluate);
  ~Evaluator();

  bool busy() const { return running_.valid() || saved_.has_value(); }
  // When the evaluation under way was started; meaningful while busy().
  std::uint64_t started_at() const { return started_at_; }
  void start(const WeightSnapshot& snapshot, std::uint64_t environment_steps);
  // Waits for the evaluation under way and gives its result. Rethrows what it threw.
  Evaluated finish();
  bool ready() const;  // finish() would not wait

  // The result under way as bytes (waits for it); empty when idle. It stays to be finished.
  Bytes save_state();
  void load_state(std::span<const std::byte> state);

 private:
  EvaluateFunction evaluate_;
  std::atomic<bool> stop_{false};
  std::uint64_t started_at_ = 0;
  std::future<Evaluated> running_;
  std::optional<Evaluated> saved_;
};

}  // namespace rl
