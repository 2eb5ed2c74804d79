#include "rl/algorithms/critic_advantages.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "rl/algorithms/returns.h"
#include "rl/core/error.h"

namespace rl {
namespace {

void check(const ValuedTokens& tokens) {
  const std::size_t count = tokens.values.size();
  const std::size_t sum =
      std::accumulate(tokens.lengths.begin(), tokens.lengths.end(), std::size_t{0});
  const bool no_empty_text =
      std::find(tokens.lengths.begin(), tokens.lengths.end(), 0) == tokens.lengths.end();
  if (sum == count && tokens.scores.size() == tokens.lengths.size() && no_empty_text &&
      (tokens.kl.empty() || tokens.kl.size() == count)) {
    return;
  }
  throw Error({.where = "critic_advantages",
               .what = "lengths, scores, KL terms and values do not fit",
               .expected = "texts of at least one token, a score each; " + std::to_string(count) +
                           " tokens as there are values",
               .got = "lengths that sum to " + std::to_string(sum) + ", " +
                      std::to_string(tokens.scores.size()) + " scores of " +
                      std::to_string(tokens.lengths.size()) + " texts, " +
                      std::to_string(tokens.kl.size()) + " KL terms"});
}

std::vector<double> token_rewards(const LanguageCriticOptions& options, double kl_coefficient,
                                  const ValuedTokens& tokens) {
  std::vector<double> rewards(tokens.values.size(), 0.0);
  for (std::size_t t = 0; t < tokens.kl.size(); ++t) rewards[t] = -kl_coefficient * tokens.kl[t];
  std::size_t end = 0;
  for (std::size_t i = 0; i < tokens.lengths.size(); ++i) {
    end += tokens.lengths[i];
    rewards[end - 1] += tokens.scores[i];
  }
  if (options.whiten_rewards) whiten(rewards, /*keep_mean=*/true);
  return rewards;
}

// Generalised advantages of every text on its own.
std::vector<double> text_advantages(std::span<const double> rewards, const ValuedTokens& tokens,
                                    double discount, double lambda) {
  std::vector<double> advantages(rewards.size());
  std::vector<double> values;
  std::size_t begin = 0;
  for (const std::size_t length : tokens.lengths) {
    const auto first = tokens.values.begin() + static_cast<std::ptrdiff_t>(begin);
    values.assign(first, first + static_cast<std::ptrdiff_t>(length));
    values.push_back(0.0);
    gae<double>(rewards.subspan(begin, length), values, FragmentEnd::terminated, discount, lambda,
                std::span(advantages).subspan(begin, length));
    begin += length;
  }
  return advantages;
}

}  // namespace

CriticAdvantages critic_advantages(const LanguageCriticOptions& options, double kl_coefficient,
                                   const ValuedTokens& tokens) {
  check(tokens);
  CriticAdvantages result;
  result.rewards = token_rewards(options, kl_coefficient, tokens);
  result.advantages = text_advantages(result.rewards, tokens, options.discount, options.lambda);
  result.returns = text_advantages(result.rewards, tokens, options.discount, options.value_lambda);
  for (std::size_t t = 0; t < result.returns.size(); ++t) result.returns[t] += tokens.values[t];
  if (options.whiten_advantages) whiten(result.advantages);
  return result;
}

}  // namespace rl
