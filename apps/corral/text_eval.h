// `corral eval` of a run on texts.
#pragma once

#include <cstddef>

#include "apps/corral/run_files.h"

namespace rl::app {

bool is_text_run(const TrainedWeights& trained);

// Greedy completions of the first `most` held-out problems (0: of all), printed with their scores
// when `show`; an exit status.
int evaluate_text_run(const TrainedWeights& trained, std::size_t most, bool show);

}  // namespace rl::app
