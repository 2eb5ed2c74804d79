#include <array>

#include "src/language/kernels.h"

namespace rl::language {

std::span<const KernelTable* const> available_kernels() {
  static const std::array<const KernelTable*, 3> tables = {&kPortableKernels, &kAvx2Kernels,
                                                           &kAvx512Kernels};
  static const std::size_t count = [] {
    std::size_t usable = 1;
    while (usable < tables.size() && tables[usable]->runs_here()) ++usable;
    return usable;
  }();
  return {tables.data(), count};
}

}  // namespace rl::language
