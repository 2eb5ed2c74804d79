// A multi-layer perceptron for a worker: no allocation after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/policies/policy_spec.h"
#include "src/policies/mlp_kernels.h"

namespace rl {

// Threads: one at a time per object.
class Mlp {
 public:
  static constexpr std::size_t kMaxRows = 64;  // of one forward()

  // widths: inputs, hidden layers, outputs. All weights 0.
  Mlp(const std::vector<std::int64_t>& widths, Activation activation, const MlpKernel& kernel);

  std::size_t num_layers() const { return layers_.size(); }
  void set_layer(std::size_t layer, std::span<const float> weight /* [out, in] */,
                 std::span<const float> bias /* [out] */);

  // Write the inputs of every row, call forward(rows <= kMaxRows), read the outputs, which may be
  // overwritten. The same row gives the same bits whatever the others and whatever the kernel.
  std::span<float> input(std::size_t row);
  void forward(std::size_t rows);
  std::span<float> output(std::size_t row);

 private:
  struct alignas(64) Line {
    float lanes[kMlpLanes] = {};
  };
  struct Layer {
    std::size_t inputs;
    std::size_t outputs;
    std::size_t lines;  // of kMlpLanes outputs
    std::vector<Line> weight;  // [inputs, lines], transposed
    std::vector<Line> bias;    // [lines]
    std::vector<Line> result;  // [kMaxRows, lines]
  };

  Activation activation_;
  const MlpKernel* kernel_;
  std::vector<float> input_;  // [kMaxRows, inputs]
  std::vector<Layer> layers_;
};

}  // namespace rl
