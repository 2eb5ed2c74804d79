// Plays episodes with fixed weights and reports how well they did.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rl/envs/registry.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/policies/policy.h"

namespace rl::rollout {

struct EvaluationOptions {
  std::size_t episodes = 20;
  std::size_t environments = 8;   // played side by side; does not change the result
  std::uint64_t seed = 1;         // episode i starts from episode_seed(seed, evaluation, i, 0)
  ActMode mode = ActMode::greedy;
  const std::atomic<bool>* stop = nullptr;  // ends early; unfinished episodes do not count
  // Called after every reset and step of the first environment with its text and running return.
  std::function<void(const std::string& text, std::size_t episode, double episode_return)> render{};
};

struct EvaluationResult {
  std::vector<double> returns;         // per finished episode, in episode order
  std::vector<std::uint32_t> lengths;  // steps
  std::uint64_t weight_version = 0;

  double mean_return() const;
  double standard_error() const;  // of the mean
  double mean_length() const;
};

// The same weights, seed and number of episodes give the same result.
// Throws Error when the registry lacks the environment or the weights do not fit it.
// Threads: runs on the caller's thread.
EvaluationResult evaluate(const EnvironmentRegistry& registry, const std::string& environment,
                          const WeightSnapshot& snapshot, const EvaluationOptions& options);

}  // namespace rl::rollout
