// What the texts of a round teach: rewards, advantages, and which tokens learn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rl/algorithms/language_options.h"
#include "rl/core/fragment.h"
#include "rl/rollout/text_episode.h"

namespace rl {

// A completion. The vectors have one value per sampled token, in order.
struct LearningText {
  rollout::TextEpisode episode{};
  FragmentPtr fragment{};                      // it came as
  bool learns = false;                         // false: its tokens are in no loss
  double reward = 0.0;                         // the score and what shapes it
  std::vector<float> sampler_log_probs{};
  std::vector<float> old_log_probs{};
  std::vector<float> reference_log_probs{};    // empty without a reference
  std::vector<float> advantages{};
  std::vector<float> values{};                 // the critic's; empty without one
  std::vector<float> returns{};                // what they should have been

  std::size_t sampled_tokens() const { return sampler_log_probs.size(); }
  std::size_t learning_tokens() const { return learns ? sampled_tokens() : 0; }
};

// sum over tokens of log p_old - log p_reference: each part; zeros without a reference.
std::vector<double> kl_parts(const LearningText& text);

struct TextLimits {
  std::size_t max_tokens = 0;      // prompt and completion
  std::size_t max_new_tokens = 0;
};

// In the order of rounds and places, so that arrival does not matter. A fragment that is not one text
// within the limits (a mistaken worker) is left out and counted.
std::vector<LearningText> read_texts(const std::vector<FragmentPtr>& fragments,
                                     const LanguagePolicyOptions& options,
                                     const TextLimits& limits, std::size_t& unusable);

// The score, and what length takes from it.
double shaped_score(const LanguagePolicyOptions& options, const TextLimits& limits,
                    const LearningText& text);

// The scores and what shapes whole texts.
void set_rewards(const LanguagePolicyOptions& options, const TextLimits& limits,
                 std::vector<LearningText>& texts);

// Sets rewards and advantages; old and reference log-probs must be there when the options need
// them. With drop_zero_variance the texts of such groups are removed.
// Not for Baseline::critic: critic.h. Threads: a pure function of its arguments.
void set_advantages(const LanguagePolicyOptions& options, const TextLimits& limits,
                    std::vector<LearningText>& texts);

}  // namespace rl
