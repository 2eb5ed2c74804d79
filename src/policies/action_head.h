// Turns a row of network outputs into an action and its log-probability.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/policies/policy.h"

namespace rl {

// What a head needs beside the outputs.
struct HeadWeights {
  std::vector<float> log_std;  // [elements], gaussian
  double epsilon = 0.0;        // q_values
};

// One row's outputs (a squashed gaussian's log_std part is clamped in place), mask and results.
struct HeadRow {
  std::span<float> outputs;
  std::span<const std::uint8_t> mask;  // empty: everything allowed
  std::byte* action;
  float* log_prob;    // may be null
  RngStream* stream;  // may be null unless sampling
};

// Threads: immutable; one thread at a time per stream. The log-probability is the one under
// `sample` mode whatever the mode, and only sampling draws. Draws per row when sampling,
// whatever the outputs: kCategoricalDraws, kGaussianDraws or kEpsilonGreedyDraws per element.
class ActionHead {
 public:
  ActionHead(const PolicySpec& policy, const EnvironmentSpec& spec);

  void act(const HeadRow& row, const HeadWeights& weights, ActMode mode) const;

 private:
  template <class T>
  void act_discrete(const HeadRow& row, double epsilon, ActMode mode) const;
  template <class T>
  void act_continuous(const HeadRow& row, std::span<const float> log_std, ActMode mode) const;

  PolicySpec policy_;
  DType dtype_;
  std::size_t elements_;
  std::vector<std::int64_t> categories_;  // discrete: per element
  std::vector<double> low_;               // continuous: per element
  std::vector<double> high_;
};

}  // namespace rl
