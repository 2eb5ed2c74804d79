#include "src/models/language/cuda_step_graphs.h"

#include <c10/util/Exception.h>
#include <dlfcn.h>

namespace rl::lm {
namespace {

using NewStepGraphs = decltype(&corral_new_cuda_step_graphs);

// The library stays open: graphs have their code in it.
NewStepGraphs open_library() {
  void* library = dlopen(RL_CUDA_GRAPHS_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  void* function =
      library == nullptr ? nullptr : dlsym(library, "corral_new_cuda_step_graphs");
  if (function == nullptr) TORCH_WARN("decoding goes on without CUDA graphs: ", dlerror());
  return reinterpret_cast<NewStepGraphs>(function);
}

}  // namespace

std::unique_ptr<StepGraphs> cuda_step_graphs(c10::Device device) {
  static const NewStepGraphs new_graphs = open_library();
  if (new_graphs == nullptr) return nullptr;
  return std::unique_ptr<StepGraphs>(new_graphs(device.index()));
}

}  // namespace rl::lm
