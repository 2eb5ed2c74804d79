// Networks this small lose by threads; learner/torch_setup.h does the same for a run.
#include <ATen/Parallel.h>

namespace {

[[maybe_unused]] const bool kOneThread = (at::set_num_threads(1), true);

}  // namespace
