#include "learner/language/learning_texts.h"

#include <algorithm>
#include <utility>

#include "rl/algorithms/group_advantages.h"
#include "rl/core/error.h"

namespace rl {
namespace {

void set_reward(const LanguagePolicyOptions& options, const TextLimits& limits,
                LearningText& text) {
  text.reward = shaped_score(options, limits, text);
  const bool token_by_token =
      options.baseline == Baseline::whitened || options.baseline == Baseline::critic;
  if (!options.kl_in_reward || token_by_token) return;
  for (const double part : kl_parts(text)) text.reward -= options.kl_coefficient * part;
}

struct Columns {
  explicit Columns(const std::vector<LearningText>& texts) {
    for (const LearningText& text : texts) {
      rewards.push_back(text.reward);
      groups.push_back(text.episode.group);
      scored.push_back(text.episode.scored ? 1 : 0);
    }
  }
  ScoredCompletions view() const { return {rewards, groups, scored}; }

  std::vector<double> rewards;
  std::vector<std::uint64_t> groups;
  std::vector<std::uint8_t> scored;
};

void set_whitened(const LanguagePolicyOptions& options, std::vector<LearningText>& texts) {
  std::vector<double> rewards;
  std::vector<std::size_t> lengths;
  for (const LearningText& text : texts) {
    lengths.push_back(text.learning_tokens());
    if (!text.learns) continue;
    const std::vector<double> kl = kl_parts(text);
    for (const double part : kl) {
      rewards.push_back(options.kl_in_reward ? -options.kl_coefficient * part : 0.0);
    }
    rewards.back() += text.reward;
  }
  const std::vector<double> advantages = whitened_rewards_to_go(rewards, lengths);
  auto next = advantages.begin();
  for (LearningText& text : texts) {
    text.advantages.clear();
    for (std::size_t t = 0; t < text.learning_tokens(); ++t) {
      text.advantages.push_back(static_cast<float>(*next++));
    }
  }
}

void set_per_completion(const LanguagePolicyOptions& options, std::vector<LearningText>& texts) {
  const Columns columns(texts);
  const std::vector<double> advantages = completion_advantages(options, columns.view());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i].advantages.assign(texts[i].learning_tokens(), static_cast<float>(advantages[i]));
  }
}

}  // namespace

std::vector<double> kl_parts(const LearningText& text) {
  std::vector<double> parts(text.sampled_tokens(), 0.0);
  for (std::size_t t = 0; t < text.reference_log_probs.size(); ++t) {
    parts[t] = double{text.old_log_probs[t]} - double{text.reference_log_probs[t]};
  }
  return parts;
}

std::vector<LearningText> read_texts(const std::vector<FragmentPtr>& fragments,
                                     const LanguagePolicyOptions& options,
                                     const TextLimits& limits, std::size_t& unusable) {
  std::vector<LearningText> texts;
  for (const FragmentPtr& fragment : fragments) {
    LearningText text;
    try {
      text.episode = rollout::to_episode(*fragment);
    } catch (const Error&) {
      ++unusable;
      continue;
    }
    const rollout::TextEpisode& episode = text.episode;
    for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
      if (episode.sampled[i]) text.sampler_log_probs.push_back(episode.log_probs[i]);
    }
    if (episode.tokens.size() > limits.max_tokens || text.sampled_tokens() == 0) {
      ++unusable;
      continue;
    }
    text.fragment = fragment;
    text.learns = episode.scored && !(options.mask_truncated && episode.truncated);
    texts.push_back(std::move(text));
  }
  std::ranges::stable_sort(texts, {}, [](const LearningText& text) {
    return std::pair(text.episode.round, text.episode.place);
  });
  return texts;
}

double shaped_score(const LanguagePolicyOptions& options, const TextLimits& limits,
                    const LearningText& text) {
  return text.episode.score + overlong_penalty(text.sampled_tokens(), limits.max_new_tokens,
                                               options.overlong_buffer);
}

void set_rewards(const LanguagePolicyOptions& options, const TextLimits& limits,
                 std::vector<LearningText>& texts) {
  for (LearningText& text : texts) set_reward(options, limits, text);
}

void set_advantages(const LanguagePolicyOptions& options, const TextLimits& limits,
                    std::vector<LearningText>& texts) {
  set_rewards(options, limits, texts);
  if (options.drop_zero_variance) {
    const Columns columns(texts);
    const std::vector<std::uint64_t> equal = zero_variance_groups(columns.view());
    std::erase_if(texts, [&](const LearningText& text) {
      return std::ranges::binary_search(equal, text.episode.group);
    });
  }
  if (options.baseline == Baseline::whitened) {
    set_whitened(options, texts);
  } else {
    set_per_completion(options, texts);
  }
}

}  // namespace rl
