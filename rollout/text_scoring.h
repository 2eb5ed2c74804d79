// The score of a run's texts, from its configuration.
#pragma once

#include "rl/language/verifier.h"
#include "rl/rollout/text_run_config.h"

namespace rl::rollout {

// Rewards by name; "task" is the procedural task's own score, "reward-model" that of a model in a
// folder. Throws Error for unknown names, bad arguments, "task" where problems come from a file,
// and a reward model that is not the one the learner has (both digests are shown).
language::Scorer make_scorer(const TextRunConfig& config,
                             const language::VerifierRegistry& verifiers);

}  // namespace rl::rollout
