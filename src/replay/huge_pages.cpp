#include "src/replay/huge_pages.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace rl::replay {

void* allocate_huge(std::size_t bytes) {
  constexpr std::size_t kPage = std::size_t{2} << 20;
  const std::size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  void* memory = rounded < bytes ? nullptr : std::aligned_alloc(kPage, rounded);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  // A refusal only costs speed.
  static_cast<void>(madvise(memory, rounded, MADV_HUGEPAGE));
#endif
  return memory;
}

void free_huge(void* memory) { std::free(memory); }

}  // namespace rl::replay
