// Results of our own kernels as part of LibTorch's graph.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace rl::lm {

using Tensors = std::vector<at::Tensor>;

// Gradients by the outputs to gradients by the inputs; undefined tensors stand for zero. May also
// add to gradients of weights that the graph knows nothing of.
using Backward = std::function<Tensors(const Tensors& output_gradients)>;

// Whether anything computed from these must be recorded now.
bool needs_graph(const Tensors& inputs);

// Makes `outputs` (new tensors without a history) the results of `inputs`, when
// needs_graph(inputs). `backward` must hold outputs only as detached tensors; it runs once, then
// is dropped.
void record(const Tensors& inputs, const Tensors& outputs, Backward backward);

// y = function(x) whose intermediate results are not kept: function runs again in the backward
// pass.
at::Tensor recompute_in_backward(const at::Tensor& x,
                                 std::function<at::Tensor(const at::Tensor&)> function);

}  // namespace rl::lm
