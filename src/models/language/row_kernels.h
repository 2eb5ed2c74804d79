// Loops over one row for the gradients, compiled for several CPUs; the same bits on each.
#pragma once

#include <cstdint>

namespace rl::lm {

// How a row was normalised.
struct RowScale {
  float mean;     // 0 where nothing is subtracted
  float inverse;  // of the standard deviation, or of the root mean square
};

struct NormRow {
  const float* output_gradient;
  const float* x;
  const float* weight;
  float* input_gradient;
  std::int64_t width;
  float epsilon;
  bool centred;
};
RowScale norm_row(const NormRow& row);
// Adds a row's share to the gradients of weight and bias; bias_gradient may be null.
void norm_weight_row(const float* output_gradient, const float* x, RowScale scale,
                     float* weight_gradient, float* bias_gradient, std::int64_t width);

void silu_multiply_row(const float* output_gradient, const float* gate, const float* up,
                       float* gate_gradient, float* up_gradient, std::int64_t count);

void gelu_row(const float* output_gradient, const float* x, float* input_gradient,
              std::int64_t count);

void rotate_back_row(const float* output_gradient, const float* cos, const float* sin,
                     float* input_gradient, std::int64_t half);

void add_row(float* to, const float* from, std::int64_t count);

// z[i] = -factor * exp(inverse_temperature * z[i] - log_sum_exp)
void softmax_row(float* z, std::int64_t count, float factor, float inverse_temperature,
                 float log_sum_exp);

}  // namespace rl::lm
