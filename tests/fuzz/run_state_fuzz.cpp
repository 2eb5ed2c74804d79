// Any bytes as a run's saved counters: refused, or written again the same.
#include <algorithm>

#include "fuzz/target.h"
#include "learner/run_state.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(run_state) {
  answers([&] {
    const RunState state = run_state_from_bytes(input);
    require(std::ranges::equal(to_bytes(state), input), "what was read is written the same");
    (void)state.mean_recent_return();
  });
}
