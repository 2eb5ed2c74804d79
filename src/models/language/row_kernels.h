// Loops over one row for the gradients, compiled for several CPUs.
#pragma once

#include <cstdint>

namespace rl::lm {

struct NormRow {
  const float* output_gradient;
  const float* x;
  const float* weight;
  float* input_gradient;
  float* weight_gradient;  // added to
  float* bias_gradient;    // added to; null without a mean
  std::int64_t width;
  float epsilon;
};
void norm_row(const NormRow& row);

void silu_multiply_row(const float* output_gradient, const float* gate, const float* up,
                       float* gate_gradient, float* up_gradient, std::int64_t count);

void rotate_back_row(const float* output_gradient, const float* cos, const float* sin,
                     float* input_gradient, std::int64_t half);

void add_row(float* to, const float* from, std::int64_t count);

// z[i] = -factor * exp(inverse_temperature * z[i] - log_sum_exp)
void softmax_row(float* z, std::int64_t count, float factor, float inverse_temperature,
                 float log_sum_exp);

}  // namespace rl::lm
