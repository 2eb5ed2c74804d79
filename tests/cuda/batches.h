// Random batches for the kernels' tests, held in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rl/cuda/kernels.h"

namespace rl::test {

struct GaeData {
  GaeData(std::size_t num_steps, std::size_t num_environments, std::uint64_t seed);
  cuda::GaeBatch batch() const;

  std::size_t num_steps, num_environments;
  std::vector<float> rewards, values, next_values;
  std::vector<std::uint8_t> terminated, truncated;
};

// About one action in four is masked, never the one chosen.
struct CategoricalData {
  CategoricalData(std::size_t num_rows, std::size_t num_actions, std::uint64_t seed);
  cuda::CategoricalBatch batch() const;

  std::size_t num_rows, num_actions;
  std::vector<float> logits;
  std::vector<std::int64_t> actions;
  std::vector<float> log_prob_gradients, entropy_gradients;
};

}  // namespace rl::test
