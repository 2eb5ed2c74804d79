#include "src/policies/mlp.h"

namespace rl {

Mlp::Mlp(const std::vector<std::int64_t>& widths, Activation activation, const MlpKernel& kernel)
    : activation_(activation),
      kernel_(&kernel),
      input_(kMaxRows * static_cast<std::size_t>(widths.front())) {
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    Layer layer;
    layer.inputs = static_cast<std::size_t>(widths[i]);
    layer.outputs = static_cast<std::size_t>(widths[i + 1]);
    layer.lines = (layer.outputs + kMlpLanes - 1) / kMlpLanes;
    layer.weight.resize(layer.inputs * layer.lines);
    layer.bias.resize(layer.lines);
    layer.result.resize(kMaxRows * layer.lines);
    layers_.push_back(std::move(layer));
  }
}

void Mlp::set_layer(std::size_t index, std::span<const float> weight,
                    std::span<const float> bias) {
  Layer& layer = layers_[index];
  for (std::size_t out = 0; out < layer.outputs; ++out) {
    const std::size_t line = out / kMlpLanes;
    const std::size_t lane = out % kMlpLanes;
    layer.bias[line].lanes[lane] = bias[out];
    for (std::size_t in = 0; in < layer.inputs; ++in) {
      layer.weight[in * layer.lines + line].lanes[lane] = weight[out * layer.inputs + in];
    }
  }
}

std::span<float> Mlp::input(std::size_t row) {
  const std::size_t width = layers_.front().inputs;
  return std::span(input_).subspan(row * width, width);
}

void Mlp::forward(std::size_t rows) {
  const float* x = input_.data();
  std::size_t x_stride = layers_.front().inputs;
  for (Layer& layer : layers_) {
    const std::size_t padded = layer.lines * kMlpLanes;
    const DenseLayer dense{layer.weight.data()->lanes, layer.bias.data()->lanes, layer.inputs,
                           padded};
    float* y = layer.result.data()->lanes;
    kernel_->dense(dense, x, x_stride, rows, y);
    x = y;
    x_stride = padded;
    if (&layer == &layers_.back()) break;
    (activation_ == Activation::tanh ? kernel_->tanh : kernel_->relu)(y, rows * padded);
  }
}

std::span<float> Mlp::output(std::size_t row) {
  Layer& layer = layers_.back();
  return {layer.result.data()->lanes + row * layer.lines * kMlpLanes, layer.outputs};
}

}  // namespace rl
