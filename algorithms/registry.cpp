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
  static constexpr std::array<AlgorithmDescription, 3> kDescriptions{{
      {"sft", "supervised fine-tuning of language models, whole or by low-rank adapters",
       "docs/language-training.md"},
      {"rm", "reward models from pairs of completions, one preferred over the other",
       "docs/algorithms/reward-model.md"},
      {"dpo", "language models from such pairs directly, without a reward model",
       "docs/algorithms/dpo.md"},
  }};
  return kDescriptions;
}

std::span<const AlgorithmDescription> language_policy_descriptions() {
  static constexpr std::array<AlgorithmDescription, 8> kDescriptions{{
      {"grpo", "language models by reward: advantages within groups of samples",
       "docs/algorithms/grpo.md"},
      {"dr-grpo", "GRPO without the deviation and the length in its denominators",
       "docs/algorithms/grpo.md"},
      {"dapo", "GRPO per token, clipped higher above, without groups that all agree",
       "docs/algorithms/grpo.md"},
      {"rloo", "the mean of a group's other samples as the baseline", "docs/algorithms/grpo.md"},
      {"reinforce++", "rewards to go, whitened over all tokens of a round",
       "docs/algorithms/grpo.md"},
      {"gspo", "ratio and clipping of whole sequences", "docs/algorithms/grpo.md"},
      {"cispo", "ratios cut off as weights, so that every token keeps its gradient",
       "docs/algorithms/grpo.md"},
      {"ppo", "with --model: a second model learns the values of texts, token by token",
       "docs/algorithms/ppo-language.md"},
  }};
  return kDescriptions;
}

}  // namespace rl
