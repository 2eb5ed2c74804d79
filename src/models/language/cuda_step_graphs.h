// CUDA's graphs. They are in a library of their own, libcorral_cuda_graphs, because it links
// LibTorch's CUDA half and every program must start without that.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "src/models/language/step_graph.h"

namespace rl::lm {

// Opens the library, which is looked for where the program's other shared libraries are; call it
// after rl::cuda::load(). nullptr when it does not open: a build without a CUDA toolkit has none,
// and all that is lost is speed, so LibTorch's warning says why, once, instead of an error.
// Threads: any.
std::unique_ptr<StepGraphs> cuda_step_graphs(c10::Device device);

}  // namespace rl::lm

extern "C" {

// The library's one function: the graphs of a device, the caller's to delete.
__attribute__((visibility("default"))) rl::lm::StepGraphs* corral_new_cuda_step_graphs(
    c10::DeviceIndex device);

}  // extern "C"
