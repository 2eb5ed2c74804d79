// What a round of texts was like, as metrics: docs/algorithms/grpo.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "learner/language/learning_texts.h"

namespace rl {

// Threads: a plain value.
struct RoundFacts {
  std::vector<std::string> rewards{};  // names of the score's terms, in their order
  // Weights have been the same since this version: an older token's age is counted from here.
  std::uint64_t weights_since = 0;
  std::uint64_t max_staleness = 0;
};

// Adds to `metrics` what the texts of a round (at least one) were like before anything was dropped.
// Threads: a pure function of its arguments.
void describe_round(const std::vector<const LearningText*>& texts, const RoundFacts& facts,
                    std::map<std::string, double>& metrics);

// Names of the terms that score a run's texts: its rewards, or the default one. A name that stands
// there before gets its place behind it: regex, regex_2.
std::vector<std::string> reward_names(const std::vector<std::string>& rewards, bool from_file);

}  // namespace rl
