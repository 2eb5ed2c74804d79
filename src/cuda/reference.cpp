#include <cmath>
#include <limits>

#include "rl/core/error.h"
#include "rl/cuda/kernels.h"

namespace rl::cuda {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

struct Row {
  double log_total = 0.0;  // logsumexp of the row
  double entropy = 0.0;
};

Row summarize(const float* logits, std::size_t num_actions) {
  double maximum = kMasked;
  for (std::size_t j = 0; j < num_actions; ++j) maximum = std::fmax(maximum, logits[j]);
  double total = 0.0;
  for (std::size_t j = 0; j < num_actions; ++j) total += std::exp(logits[j] - maximum);
  Row row{maximum + std::log(total), 0.0};
  for (std::size_t j = 0; j < num_actions; ++j) {
    const double log_p = logits[j] - row.log_total;
    if (log_p != kMasked) row.entropy -= std::exp(log_p) * log_p;
  }
  return row;
}

bool is_action(std::int64_t action, std::size_t num_actions) {
  return action >= 0 && static_cast<std::size_t>(action) < num_actions;
}

}  // namespace

void gae_reference(const GaeBatch& batch, double discount, double lambda, float* advantages) {
  for (std::size_t b = 0; b < batch.num_environments; ++b) {
    double advantage = 0.0;
    for (std::size_t t = batch.num_steps; t-- > 0;) {
      const std::size_t i = t * batch.num_environments + b;
      const bool terminated = batch.terminated[i] != 0;
      const bool cut = terminated || batch.truncated[i] != 0;
      const double next_value = terminated ? 0.0 : batch.next_values[i];
      const double delta = batch.rewards[i] + discount * next_value - batch.values[i];
      advantage = delta + discount * lambda * (cut ? 0.0 : advantage);
      advantages[i] = static_cast<float>(advantage);
    }
  }
}

void categorical_reference(const CategoricalBatch& batch, float* log_probs, float* entropies) {
  for (std::size_t n = 0; n < batch.num_rows; ++n) {
    const float* logits = batch.logits + n * batch.num_actions;
    const Row row = summarize(logits, batch.num_actions);
    log_probs[n] = is_action(batch.actions[n], batch.num_actions)
                       ? static_cast<float>(logits[batch.actions[n]] - row.log_total)
                       : std::numeric_limits<float>::quiet_NaN();
    entropies[n] = static_cast<float>(row.entropy);
  }
}

void categorical_backward_reference(const CategoricalBatch& batch, const float* log_prob_gradients,
                                    const float* entropy_gradients, float* logit_gradients) {
  for (std::size_t n = 0; n < batch.num_rows; ++n) {
    const std::size_t start = n * batch.num_actions;
    const Row row = summarize(batch.logits + start, batch.num_actions);
    const bool valid = is_action(batch.actions[n], batch.num_actions);
    for (std::size_t j = 0; j < batch.num_actions; ++j) {
      const double log_p = batch.logits[start + j] - row.log_total;
      const double p = std::exp(log_p);
      const double chosen = static_cast<std::size_t>(batch.actions[n]) == j ? 1.0 : 0.0;
      double gradient = 0.0;
      if (!valid) {
        gradient = std::numeric_limits<double>::quiet_NaN();
      } else if (log_p != kMasked) {
        gradient =
            log_prob_gradients[n] * (chosen - p) - entropy_gradients[n] * p * (log_p + row.entropy);
      }
      logit_gradients[start + j] = static_cast<float>(gradient);
    }
  }
}

}  // namespace rl::cuda
