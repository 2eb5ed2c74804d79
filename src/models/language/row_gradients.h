// Gradients of what a transformer does row by row, in one pass over memory each. Results do not
// depend on the number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "rl/language/ops.h"
#include "src/models/language/network.h"

namespace rl::lm {

// Of y = normalise(x) over the last dimension: returns the gradient by x and adds those of weight
// and bias.
at::Tensor norm_gradient(const at::Tensor& output_gradient, const at::Tensor& x,
                         const NormWeights& norm);
// Of silu(gate) * up: gradients by gate and up.
std::pair<at::Tensor, at::Tensor> silu_multiply_gradient(const at::Tensor& output_gradient,
                                                         const at::Tensor& gate,
                                                         const at::Tensor& up);
// The rotation the other way.
at::Tensor rotation_gradient(const at::Tensor& output_gradient, const Batch& batch);
// table[row_numbers[n]] += rows[n], in order of n.
void add_rows(const at::Tensor& table, const std::vector<std::int64_t>& row_numbers,
              const at::Tensor& rows);
// Overwrites logits [rows, vocabulary] with the gradients by them, gradients[row] *
// inverse_temperature * (1 at the target - softmax). log_sum_exps [rows] are those of the logits
// times inverse_temperature.
void log_prob_gradient(const at::Tensor& logits, const float* gradients, const float* log_sum_exps,
                       const std::int32_t* targets, float inverse_temperature);

}  // namespace rl::lm
