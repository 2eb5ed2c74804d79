#include "rl/models/mlp.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

#include <numbers>

#include "rl/core/rng.h"
#include "rl/policies/initialisation.h"

namespace rl {
namespace {

std::string weight_name(const std::string& prefix, std::size_t layer) {
  return prefix + std::to_string(layer) + ".weight";
}

std::string bias_name(const std::string& prefix, std::size_t layer) {
  return prefix + std::to_string(layer) + ".bias";
}

RngStream stream_of(std::uint64_t seed, std::size_t tensor) {
  return RngStream(seed, RngRole::initialisation, tensor);
}

// Values drawn on the CPU, so that they do not depend on the device.
template <class Draw>
void fill(const at::Tensor& parameter, Draw draw) {
  const at::NoGradGuard no_gradients;
  std::vector<float> values(static_cast<std::size_t>(parameter.numel()));
  draw(std::span<float>(values));
  const at::Tensor drawn = at::from_blob(values.data(), parameter.sizes(), at::kFloat);
  parameter.copy_(drawn);
}

}  // namespace

std::vector<ParameterSpec> TorchMlp::parameter_specs(const std::string& prefix,
                                                const TorchMlpOptions& options) {
  std::vector<ParameterSpec> specs;
  std::int64_t inputs = options.inputs;
  for (std::size_t i = 0; i <= options.hidden.size(); ++i) {
    const std::int64_t outputs = i < options.hidden.size() ? options.hidden[i] : options.outputs;
    specs.push_back({weight_name(prefix, i), {outputs, inputs}});
    specs.push_back({bias_name(prefix, i), {outputs}});
    inputs = outputs;
  }
  return specs;
}

TorchMlp::TorchMlp(const Parameters& parameters, const std::string& prefix,
                   const TorchMlpOptions& options)
    : activation_(options.activation) {
  for (std::size_t i = 0; i <= options.hidden.size(); ++i) {
    const std::size_t weight = parameters.index(weight_name(prefix, i));
    const std::size_t bias = parameters.index(bias_name(prefix, i));
    layers_.push_back({parameters.value(weight).t(), parameters.value(weight),
                       parameters.value(bias), parameters.gradient(weight),
                       parameters.gradient(bias)});
  }
}

at::Tensor TorchMlp::forward(const at::Tensor& inputs) const {
  TorchMlpTape unused;
  return forward(inputs, unused);
}

at::Tensor TorchMlp::forward(const at::Tensor& inputs, TorchMlpTape& tape) const {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  tape.layer_inputs.clear();
  at::Tensor hidden = inputs;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    tape.layer_inputs.push_back(hidden);
    hidden = at::addmm(layers_[i].bias, hidden, layers_[i].weight_transposed);
    if (i + 1 == layers_.size()) break;
    if (activation_ == Activation::tanh) {
      hidden.tanh_();
    } else {
      hidden.relu_();
    }
  }
  return hidden;
}

void TorchMlp::backward(const TorchMlpTape& tape, const at::Tensor& output_gradients) const {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  at::Tensor gradient = output_gradients;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    const at::Tensor& input = tape.layer_inputs[i];
    at::Tensor weight_gradient = layer.weight_gradient;
    at::Tensor bias_gradient = layer.bias_gradient;
    at::mm_out(weight_gradient, gradient.t(), input);
    at::sum_out(bias_gradient, gradient, at::IntArrayRef{0});
    if (i == 0) break;
    gradient = at::mm(gradient, layer.weight);
    gradient = activation_ == Activation::tanh ? at::tanh_backward(gradient, input)
                                               : at::threshold_backward(gradient, input, 0);
  }
}

void initialise_orthogonal(Parameters& parameters, const std::string& prefix,
                           std::size_t num_layers, double output_gain, std::uint64_t seed) {
  for (std::size_t i = 0; i < num_layers; ++i) {
    const std::size_t index = parameters.index(weight_name(prefix, i));
    const at::Tensor& weight = parameters.value(index);
    const double gain = i + 1 < num_layers ? std::numbers::sqrt2 : output_gain;
    fill(weight, [&](std::span<float> values) {
      orthogonal(values, weight.size(0), weight.size(1), gain, stream_of(seed, index));
    });
    parameters.value(parameters.index(bias_name(prefix, i))).zero_();
  }
}

void initialise_uniform(Parameters& parameters, const std::string& prefix,
                        std::size_t num_layers, std::uint64_t seed) {
  for (std::size_t i = 0; i < num_layers; ++i) {
    const std::size_t weight = parameters.index(weight_name(prefix, i));
    const std::int64_t inputs = parameters.value(weight).size(1);
    for (const std::size_t index : {weight, parameters.index(bias_name(prefix, i))}) {
      fill(parameters.value(index), [&](std::span<float> values) {
        uniform_fan_in(values, inputs, stream_of(seed, index));
      });
    }
  }
}

}  // namespace rl
