#include <array>

#include "src/policies/mlp_kernels.h"

namespace rl {

std::span<const MlpKernel* const> available_mlp_kernels() {
  static const std::array<const MlpKernel*, 3> kernels = {&kPortableMlpKernel, &kAvx2MlpKernel,
                                                          &kAvx512MlpKernel};
  static const std::size_t count = [] {
    std::size_t usable = 1;
    while (usable < kernels.size() && kernels[usable]->runs_here()) ++usable;
    return usable;
  }();
  return {kernels.data(), count};
}

}  // namespace rl
