#include "learner/torch_setup.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace rl {
namespace {

// A step's tensors take the memory of the step before: handed back to the system it would be
// cleared and mapped page by page again, a tenth of a small model's step.
void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kMegabyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);  // the most that glibc chooses by itself
  mallopt(M_TRIM_THRESHOLD, 512 * kMegabyte);
#endif
}

}  // namespace

void set_up_torch(int threads) {
  keep_freed_memory();
  at::set_num_threads(threads);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

}  // namespace rl
