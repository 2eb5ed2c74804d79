#include "learner/torch_setup.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

namespace rl {

void set_up_torch(int threads) {
  at::set_num_threads(threads);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

}  // namespace rl
