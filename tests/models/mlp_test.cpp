#include "rl/models/mlp.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include "support/torch_doctest.h"

#include <cmath>

using namespace rl;

namespace {

const TorchMlpOptions kShape{.inputs = 3, .hidden = {8, 5}, .outputs = 2};

Parameters make_parameters(const TorchMlpOptions& options, std::uint64_t seed) {
  Parameters parameters(TorchMlp::parameter_specs("net.", options), at::kCPU);
  initialise_uniform(parameters, "net.", options.hidden.size() + 1, seed);
  return parameters;
}

bool same(const at::Tensor& a, const at::Tensor& b) { return a.equal(b); }

}  // namespace

TEST_SUITE("TorchMlp") {
  TEST_CASE("the written-out gradient equals automatic differentiation") {
    for (const Activation activation : {Activation::tanh, Activation::relu}) {
      TorchMlpOptions options = kShape;
      options.activation = activation;
      const Parameters parameters = make_parameters(options, 1);
      const TorchMlp mlp(parameters, "net.", options);
      const at::Tensor inputs = at::randn({16, 3});
      const at::Tensor output_gradients = at::randn({16, 2});

      std::vector<at::Tensor> leaves;
      for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
        leaves.push_back(parameters.value(i).detach().clone().requires_grad_());
      }
      at::Tensor hidden = inputs;
      for (std::size_t layer = 0; layer < 3; ++layer) {
        hidden = at::addmm(leaves[2 * layer + 1], hidden, leaves[2 * layer].t());
        if (layer < 2) hidden = activation == Activation::tanh ? hidden.tanh() : hidden.relu();
      }
      (hidden * output_gradients).sum().backward();

      TorchMlpTape tape;
      const at::Tensor outputs = mlp.forward(inputs, tape);
      mlp.backward(tape, output_gradients);
      CHECK(at::allclose(outputs, hidden.detach(), 1e-6, 1e-6));
      CHECK(same(outputs, mlp.forward(inputs)));
      for (std::size_t i = 0; i < leaves.size(); ++i) {
        CAPTURE(parameters.specs()[i].name);
        CHECK(at::allclose(parameters.gradient(i), leaves[i].grad(), 1e-5, 1e-6));
      }
    }
  }

  TEST_CASE("a second backward pass overwrites the first") {
    const Parameters parameters = make_parameters(kShape, 2);
    const TorchMlp mlp(parameters, "net.", kShape);
    TorchMlpTape tape;
    mlp.forward(at::randn({4, 3}), tape);
    mlp.backward(tape, at::ones({4, 2}));
    const at::Tensor first = parameters.gradients().clone();
    mlp.backward(tape, at::ones({4, 2}));
    CHECK(same(parameters.gradients(), first));
  }

  TEST_CASE("a network without hidden layers is linear") {
    TorchMlpOptions options = kShape;
    options.hidden = {};
    const Parameters parameters = make_parameters(options, 3);
    const TorchMlp mlp(parameters, "net.", options);
    const at::Tensor inputs = at::randn({5, 3});
    const at::Tensor expected =
        inputs.matmul(parameters.value(0).t()) + parameters.value(1);
    CHECK(at::allclose(mlp.forward(inputs), expected, 1e-6, 1e-6));
  }

  TEST_CASE("initial weights depend on the seed and the tensor alone") {
    CHECK(same(make_parameters(kShape, 7).values(), make_parameters(kShape, 7).values()));
    CHECK_FALSE(same(make_parameters(kShape, 7).values(), make_parameters(kShape, 8).values()));
    Parameters square({{"net.0.weight", {4, 4}}, {"net.0.bias", {4}},
                       {"net.1.weight", {4, 4}}, {"net.1.bias", {4}}}, at::kCPU);
    initialise_orthogonal(square, "net.", 2, 0.01, 7);
    CHECK_FALSE(at::allclose(square.value(0), square.value(2) * std::sqrt(2.0) / 0.01, 1e-3, 1e-3));
  }

  TEST_CASE("orthogonal layers have orthonormal rows times their gain and zero biases") {
    Parameters parameters = make_parameters({.inputs = 6, .hidden = {4}, .outputs = 2}, 1);
    initialise_orthogonal(parameters, "net.", 2, 0.01, 5);
    const at::Tensor hidden = parameters.value(0).matmul(parameters.value(0).t());
    const at::Tensor head = parameters.value(2).matmul(parameters.value(2).t());
    CHECK(at::allclose(hidden, 2.0 * at::ones({4}).diag(), 1e-5, 1e-5));
    CHECK(at::allclose(head, 1e-4 * at::ones({2}).diag(), 1e-4, 1e-8));
    CHECK(parameters.value(1).abs().max().item<float>() == 0.0F);
  }
}
