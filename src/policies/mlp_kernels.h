// The inner loops of the network, in forms for different CPUs that agree bit for bit.
#pragma once

#include <cstddef>
#include <span>

namespace rl {

inline constexpr std::size_t kMlpLanes = 16;  // widths are padded to a multiple of this

// One dense layer. Weights are transposed and padded: row k holds the weights of input k to every
// output; padding is zero. `weight` and `bias` are 64-byte aligned.
struct DenseLayer {
  const float* weight;  // [inputs, padded_outputs]
  const float* bias;    // [padded_outputs]
  std::size_t inputs;
  std::size_t padded_outputs;  // a multiple of kMlpLanes
};

// Every output is one chain of fused multiply-adds: bias, then the inputs in order. Activations are
// a fixed sequence of fused multiply-adds and IEEE operations. Hence a row's result depends neither
// on the other rows nor on the form.
struct MlpKernel {
  const char* name;
  bool (*runs_here)();  // whether this CPU has the instructions
  void (*dense)(const DenseLayer& layer, const float* x, std::size_t x_stride, std::size_t rows,
                float* y /* [rows, padded_outputs] */);
  void (*tanh)(float* values, std::size_t count);  // count a multiple of kMlpLanes
  void (*relu)(float* values, std::size_t count);
};

extern const MlpKernel kPortableMlpKernel;
extern const MlpKernel kAvx2MlpKernel;    // x86 builds only
extern const MlpKernel kAvx512MlpKernel;  // x86 builds only

// The forms that run on this CPU, slowest first; never empty. Threads: any.
std::span<const MlpKernel* const> available_mlp_kernels();

}  // namespace rl
