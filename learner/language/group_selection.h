// DAPO's dynamic sampling (Yu et al. 2025): an update is to have only groups whose rewards differ.
#pragma once

#include <cstddef>
#include <vector>

#include "learner/language/learning_texts.h"

namespace rl {

struct GroupSelection {
  std::vector<LearningText> kept{};
  std::size_t groups = 0;         // of those kept
  std::size_t zero_variance = 0;  // texts of groups that teach nothing
  std::size_t surplus = 0;        // texts of groups beyond those wanted
};

// The `wanted` first groups, in the order of their prompts' numbers, with two scored texts or more
// whose rewards (score and shaping, without KL) differ. The texts keep their order.
// Threads: a pure function of its arguments.
GroupSelection select_groups(const LanguagePolicyOptions& options, const TextLimits& limits,
                             std::vector<LearningText> texts, std::size_t wanted);

// The share of groups with a scored text whose rewards are all equal; NaN without one.
double zero_variance_share(const LanguagePolicyOptions& options, const TextLimits& limits,
                           const std::vector<const LearningText*>& texts);

}  // namespace rl
