// The products of a linear layer and of its gradients, by the kernels of rl/language/ops.h. f32,
// contiguous, on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "rl/language/ops.h"

namespace rl::lm {

// y [N, outputs] = x [N, inner] w^T + bias; w [outputs, inner], bias may be undefined.
void multiply(const language::Ops& ops, const at::Tensor& x, const at::Tensor& w,
              const at::Tensor& bias, const at::Tensor& y);
// sum [rows of a, columns of b] += a b, or = a b.
void add_product(const language::Ops& ops, const at::Tensor& a, const at::Tensor& b,
                 const at::Tensor& sum, bool from_zero = false);
// sum [columns of a, columns of b] += a^T b, row after row of a and b.
void add_transposed_product(const language::Ops& ops, const at::Tensor& a, const at::Tensor& b,
                            const at::Tensor& sum);

}  // namespace rl::lm
