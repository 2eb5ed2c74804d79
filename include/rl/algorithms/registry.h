// The algorithms there are, for programs that list or check names without linking LibTorch.
#pragma once

#include <span>
#include <string_view>

namespace rl {

struct AlgorithmDescription {
  std::string_view name;     // as in --algo
  std::string_view summary;  // one line
  std::string_view page;     // documentation, relative to the project
};

// Every algorithm make_algorithm (learner/algorithm.h) knows, in the order shown to users.
// Threads: any; the data lives as long as the program.
std::span<const AlgorithmDescription> algorithm_descriptions();

// Those that train language models on files of examples or pairs: fine_tune
// (learner/fine_tune.h).
std::span<const AlgorithmDescription> language_algorithm_descriptions();

// Those that train language models by reinforcement (train_language, learner/train_language.h):
// names of language_policy_preset.
std::span<const AlgorithmDescription> language_policy_descriptions();

}  // namespace rl
