#include "tests/cuda/batches.h"

#include <limits>

#include "rl/core/rng.h"

namespace rl::test {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::vector<float> normals(std::size_t count, RngStream& rng) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

std::vector<std::uint8_t> flags(std::size_t count, double probability, RngStream& rng) {
  std::vector<std::uint8_t> values(count);
  for (auto& value : values) value = rng.uniform() < probability ? 1 : 0;
  return values;
}

}  // namespace

GaeData::GaeData(std::size_t steps, std::size_t environments, std::uint64_t seed)
    : num_steps(steps), num_environments(environments) {
  RngStream rng(seed, RngRole::test, 0);
  const std::size_t count = steps * environments;
  rewards = normals(count, rng);
  values = normals(count, rng);
  next_values = normals(count, rng);
  terminated = flags(count, 0.1, rng);
  truncated = flags(count, 0.1, rng);
}

cuda::GaeBatch GaeData::batch() const {
  return {num_steps,          num_environments,  rewards.data(),  values.data(),
          next_values.data(), terminated.data(), truncated.data()};
}

CategoricalData::CategoricalData(std::size_t rows, std::size_t num_choices, std::uint64_t seed)
    : num_rows(rows), num_actions(num_choices) {
  RngStream rng(seed, RngRole::test, 1);
  logits = normals(rows * num_choices, rng);
  log_prob_gradients = normals(rows, rng);
  entropy_gradients = normals(rows, rng);
  for (std::size_t n = 0; n < rows; ++n) {
    const std::uint64_t action = rng.below(num_choices);
    actions.push_back(static_cast<std::int64_t>(action));
    for (std::size_t j = 0; j < num_choices; ++j) {
      float& logit = logits[n * num_choices + j];
      logit *= 4.0F;
      if (j != action && rng.uniform() < 0.25) logit = kMasked;
    }
  }
}

cuda::CategoricalBatch CategoricalData::batch() const {
  return {num_rows, num_actions, logits.data(), actions.data()};
}

}  // namespace rl::test
