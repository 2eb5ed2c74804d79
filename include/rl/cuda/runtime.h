// Whether this process can use a GPU, and LibTorch's CUDA half, which no program links: it is
// loaded when a learner asks for --device cuda, so that everything else starts without it.
#pragma once

#include <string>

namespace rl::cuda {

// True when the NVIDIA driver is there and sees at least one GPU. Asks the driver once per process.
// Threads: any. Never throws.
bool available();

// Why available() is false, as a clause for a message; empty when it is true.
// Threads: any.
std::string unavailable_reason();

// Loads libtorch_cuda from the folder libtorch_cpu was loaded from; afterwards tensors can be made
// on the device "cuda". Call it before the first use of any CUDA tensor or guard: LibTorch decides
// once per process whether CUDA exists. A second call does nothing.
// Threads: any; callers wait for the one that loads.
// Errors: Error when there is no GPU, when this process does not use LibTorch, or when the library
// or one it needs is missing. Nothing is loaded then and a later call tries again.
void load();

}  // namespace rl::cuda
