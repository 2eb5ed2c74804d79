// Advantages and value targets of sampled tokens, from a critic's values: PPO for language models.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rl/algorithms/language_options.h"

namespace rl {

// The sampled tokens of the texts that learn, text after text: N tokens of B texts. A tool's tokens
// are not among them: what the critic says before the next sampled token follows directly on what
// it said before the last.
struct ValuedTokens {
  std::span<const std::size_t> lengths;  // [B] at least 1 each; they sum to N
  std::span<const double> scores;        // [B]
  std::span<const double> kl;            // [N] log p_old - log p_reference; empty: none
  std::span<const double> values;        // [N] of the text before the token
};

struct CriticAdvantages {
  std::vector<double> rewards;     // [N]
  std::vector<double> advantages;  // [N]
  std::vector<double> returns;     // [N] what the values should have been
};

// Per text, nothing following its last token (Schulman et al. 2016; Stiennon et al. 2020):
//   rewards_t = -kl_coefficient kl_t, and the score on top at the last token; whitened over all
//               tokens, their mean kept, when asked
//   delta_t   = rewards_t + discount V_{t+1} - V_t,  A_t = delta_t + discount lambda A_{t+1}
//   returns_t = V_t + the same sum with value_lambda
// and the advantages whitened over all tokens when asked. Throws Error when lengths differ.
// Threads: a pure function.
CriticAdvantages critic_advantages(const LanguageCriticOptions& options, double kl_coefficient,
                                   const ValuedTokens& tokens);

}  // namespace rl
