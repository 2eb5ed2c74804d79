// Multi-layer perceptrons with their gradient written out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rl/models/parameters.h"
#include "rl/policies/policy_spec.h"

namespace rl {

struct TorchMlpOptions {
  std::int64_t inputs = 0;
  std::vector<std::int64_t> hidden{64, 64};
  std::int64_t outputs = 0;
  Activation activation = Activation::tanh;
};

// What a forward pass keeps for its backward pass: the input of every layer, [N, width].
struct TorchMlpTape {
  std::vector<at::Tensor> layer_inputs;
};

// h_0 = x;  h_{i+1} = activation(h_i W_i^T + b_i);  the last layer has no activation.
// Parameters `<prefix><i>.weight` [out, in] and `<prefix><i>.bias` [out]. The gradient is explicit:
// for perceptrons this small, recording and replaying a graph costs as much as the arithmetic.
// Threads: const methods from any thread while nobody steps the parameters.
class TorchMlp {
 public:
  static std::vector<ParameterSpec> parameter_specs(const std::string& prefix,
                                                    const TorchMlpOptions& options);
  // Finds its parameters by name. Keeps views into `parameters`' buffers (shared storage).
  TorchMlp(const Parameters& parameters, const std::string& prefix, const TorchMlpOptions& options);

  at::Tensor forward(const at::Tensor& inputs /* [N, inputs] */) const;  // [N, outputs]
  at::Tensor forward(const at::Tensor& inputs, TorchMlpTape& tape) const;
  // Overwrites this network's gradients with those of a scalar whose derivative by the outputs is
  // `output_gradients` [N, outputs].
  void backward(const TorchMlpTape& tape, const at::Tensor& output_gradients) const;

  std::size_t num_layers() const { return layers_.size(); }

 private:
  struct Layer {
    at::Tensor weight_transposed;  // view [in, out]
    at::Tensor weight;             // [out, in]
    at::Tensor bias;
    at::Tensor weight_gradient;
    at::Tensor bias_gradient;
  };

  Activation activation_;
  std::vector<Layer> layers_;
};

// Orthogonal weights with gain sqrt(2) in hidden layers and `output_gain` in the last, zero biases
// (Engstrom et al. 2020). Every tensor draws from its own stream (seed, initialisation, index).
void initialise_orthogonal(Parameters& parameters, const std::string& prefix,
                           std::size_t num_layers, double output_gain, std::uint64_t seed);

// Weights and biases uniform in +-1/sqrt(inputs of the layer).
void initialise_uniform(Parameters& parameters, const std::string& prefix,
                        std::size_t num_layers, std::uint64_t seed);

}  // namespace rl
