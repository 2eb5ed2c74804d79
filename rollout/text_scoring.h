// The score of a run's texts, from its configuration.
#pragma once

#include "rl/language/verifier.h"
#include "rl/rollout/text_run_config.h"

namespace rl::rollout {

// Rewards by name; "task" is the procedural task's own score. Throws Error for unknown names, bad
// arguments, and "task" where problems come from a file.
language::Scorer make_scorer(const TextRunConfig& config,
                             const language::VerifierRegistry& verifiers);

}  // namespace rl::rollout
