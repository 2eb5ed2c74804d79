// Gradients of what a transformer does row by row. Sums over rows are taken in order of the rows,
// hence results depend neither on the number of threads nor on how a batch was split.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "rl/language/ops.h"
#include "src/models/language/network.h"

namespace rl::lm {

// Of y = normalise(x) over the last dimension: returns the gradient by x and adds those of weight
// and bias.
at::Tensor norm_gradient(language::ThreadTeam& team, const at::Tensor& output_gradient,
                         const at::Tensor& x, const NormWeights& norm);
// Of silu(gate) * up: gradients by gate and up.
std::pair<at::Tensor, at::Tensor> silu_multiply_gradient(language::ThreadTeam& team,
                                                         const at::Tensor& output_gradient,
                                                         const at::Tensor& gate,
                                                         const at::Tensor& up);
// Of gelu(x) in its form with tanh.
at::Tensor gelu_gradient(language::ThreadTeam& team, const at::Tensor& output_gradient,
                         const at::Tensor& x);
// The rotation the other way.
at::Tensor rotation_gradient(language::ThreadTeam& team, const at::Tensor& output_gradient,
                             const Batch& batch);
// table[row_numbers[n]] += rows[n], in order of n.
void add_rows(const at::Tensor& table, const std::vector<std::int64_t>& row_numbers,
              const at::Tensor& rows);
// sum += every row, in order.
void add_rows_up(const at::Tensor& rows, const at::Tensor& sum);
// Overwrites logits [rows, vocabulary] with the gradients by them, gradients[row] *
// inverse_temperature * (1 at the target - softmax). log_sum_exps [rows] are those of the logits
// times inverse_temperature.
void log_prob_gradient(language::ThreadTeam& team, const at::Tensor& logits, const float* gradients,
                       const float* log_sum_exps, const std::int32_t* targets,
                       float inverse_temperature);

}  // namespace rl::lm
