#include "support/torch_doctest.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tanh.h>

#include <algorithm>
#include <vector>

#include "rl/core/rng.h"
#include "src/policies/mlp.h"

namespace rl {
namespace {

std::vector<float> draw(RngStream& stream, std::int64_t count, double scale) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(stream.uniform(-scale, scale));
  return values;
}

at::Tensor as_tensor(std::vector<float>& values, at::IntArrayRef shape) {
  return at::from_blob(values.data(), shape, at::kFloat).clone();
}

}  // namespace

TEST_SUITE_BEGIN("policies::Mlp against LibTorch");

// Relative to the size of each output over the batch: a single value may be small by cancellation.
TEST_CASE("outputs equal LibTorch's to 1e-6 relative") {
  const std::vector<std::int64_t> widths = {8, 64, 64, 4};
  for (const Activation activation : {Activation::tanh, Activation::relu}) {
    RngStream stream(1, RngRole::test, 0);
    std::vector<float> inputs = draw(stream, 64 * 8, 2.0);
    Mlp mlp(widths, activation, *available_mlp_kernels().back());
    at::Tensor hidden = as_tensor(inputs, {64, 8});
    for (std::size_t i = 0; i < 3; ++i) {
      std::vector<float> weight = draw(stream, widths[i] * widths[i + 1], 0.25);
      std::vector<float> bias = draw(stream, widths[i + 1], 0.1);
      mlp.set_layer(i, weight, bias);
      hidden = at::linear(hidden, as_tensor(weight, {widths[i + 1], widths[i]}),
                          as_tensor(bias, {widths[i + 1]}));
      if (i < 2) hidden = activation == Activation::tanh ? at::tanh(hidden) : at::relu(hidden);
    }
    for (std::size_t row = 0; row < 64; ++row) {
      std::copy_n(inputs.begin() + static_cast<std::ptrdiff_t>(row * 8), 8,
                  mlp.input(row).begin());
    }
    mlp.forward(64);
    std::vector<float> outputs;
    for (std::size_t row = 0; row < 64; ++row) {
      outputs.insert(outputs.end(), mlp.output(row).begin(), mlp.output(row).end());
    }
    const at::Tensor expected = hidden.to(at::kDouble);
    const at::Tensor difference = as_tensor(outputs, {64, 4}).to(at::kDouble) - expected;
    const at::Tensor relative = difference.norm(2, 0) / expected.norm(2, 0);
    CHECK(relative.max().item<double>() < 1e-6);
  }
}

TEST_SUITE_END();

}  // namespace rl
