#include <cmath>

#include "rl/cuda/kernels.h"

namespace rl::cuda {

void add_token_scores_reference(const VocabularyChunk& chunk, SoftmaxState* states) {
  for (std::size_t n = 0; n < chunk.num_rows; ++n) {
    const float* logits = chunk.logits + n * chunk.row_stride;
    SoftmaxState& state = states[n];
    double maximum = state.maximum;
    for (std::size_t c = 0; c < chunk.num_columns; ++c) {
      maximum = std::fmax(maximum, static_cast<double>(logits[c]) * chunk.inverse_temperature);
    }
    double total = 0.0;
    double weighted = 0.0;
    if (state.total > 0.0F) {  // exp(z - m') = exp(z - m) exp(m - m')
      const double shift = state.maximum - maximum;
      total = state.total * std::exp(shift);
      weighted = (state.weighted + state.total * shift) * std::exp(shift);
    }
    for (std::size_t c = 0; c < chunk.num_columns; ++c) {
      const double z = static_cast<double>(logits[c]) * chunk.inverse_temperature;
      if (chunk.first_id + static_cast<std::int64_t>(c) == chunk.tokens[n]) {
        state.token = static_cast<float>(z);
      }
      if (std::isinf(z)) continue;
      total += std::exp(z - maximum);
      weighted += std::exp(z - maximum) * (z - maximum);
    }
    state.maximum = static_cast<float>(maximum);
    state.total = static_cast<float>(total);
    state.weighted = static_cast<float>(weighted);
  }
}

void finish_token_scores_reference(std::size_t num_rows, const SoftmaxState* states,
                                   float* log_probs, float* entropies) {
  for (std::size_t n = 0; n < num_rows; ++n) {
    const double log_total = std::log(static_cast<double>(states[n].total));
    log_probs[n] = static_cast<float>(states[n].token - states[n].maximum - log_total);
    entropies[n] =
        static_cast<float>(log_total - static_cast<double>(states[n].weighted) / states[n].total);
  }
}

void token_scores_backward_reference(const VocabularyChunk& chunk, const SoftmaxState* states,
                                     const float* log_prob_gradients, float* logit_gradients) {
  for (std::size_t n = 0; n < chunk.num_rows; ++n) {
    const double g = static_cast<double>(log_prob_gradients[n]) * chunk.inverse_temperature;
    for (std::size_t c = 0; c < chunk.num_columns; ++c) {
      const double z =
          static_cast<double>(chunk.logits[n * chunk.row_stride + c]) * chunk.inverse_temperature;
      const double p = std::exp(z - states[n].maximum) / states[n].total;
      const bool chosen = chunk.first_id + static_cast<std::int64_t>(c) == chunk.tokens[n];
      const double gradient = g == 0.0 ? 0.0 : g * ((chosen ? 1.0 : 0.0) - p);
      logit_gradients[n * chunk.num_columns + c] = static_cast<float>(gradient);
    }
  }
}

}  // namespace rl::cuda
