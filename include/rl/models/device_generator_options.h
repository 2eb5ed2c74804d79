// How a generator on a device works; without LibTorch, for programs that choose it.
#pragma once

namespace rl {

struct DeviceGeneratorOptions {
  // On CUDA: steps that only decode are recorded as CUDA graphs, each launched as a whole. Without
  // libcorral_cuda_graphs, or when a graph cannot be made, LibTorch's warning says so and they are
  // not. false: never, to compare.
  bool graphs = true;
};

}  // namespace rl
