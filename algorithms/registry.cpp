#include "rl/algorithms/registry.h"

#include <array>

namespace rl {

std::span<const AlgorithmDescription> algorithm_descriptions() {
  static constexpr std::array<AlgorithmDescription, 2> kDescriptions{{
      {"ppo", "proximal policy optimisation: on-policy, discrete and continuous actions",
       "docs/algorithms/ppo.md"},
      {"dqn", "deep Q-learning: off-policy, discrete actions, double and prioritised",
       "docs/algorithms/dqn.md"},
  }};
  return kDescriptions;
}

std::span<const AlgorithmDescription> language_algorithm_descriptions() {
  static constexpr std::array<AlgorithmDescription, 1> kDescriptions{{
      {"sft", "supervised fine-tuning of language models, whole or by low-rank adapters",
       "docs/language-training.md"},
  }};
  return kDescriptions;
}

}  // namespace rl
