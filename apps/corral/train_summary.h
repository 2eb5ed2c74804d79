// What `corral train` and `corral learner` tell at the end, and what a worker needs to know.
#pragma once

#include <string>

#include "rl/learner/train.h"

namespace rl::app {

// The end of a run in a few lines: what was reached, at what speed, what was dropped, and what to
// do next (resume an interrupted run; look at a finished one).
std::string summary_text(const TrainSummary& summary, const TrainOptions& options);

// The same of a run on texts: rounds, scores, and the trained model.
std::string language_summary_text(const TrainSummary& summary, const TrainOptions& options);

// The line to run on another host. An address that listens everywhere becomes `host`.
std::string worker_instructions(const TrainOptions& options, const std::string& host);

}  // namespace rl::app
