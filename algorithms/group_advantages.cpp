#include "rl/algorithms/group_advantages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "rl/algorithms/returns.h"
#include "rl/core/error.h"

namespace rl {
namespace {

struct Moments {
  double sum = 0.0;
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  double centred_squares = 0.0;  // sum (R - mean)^2
  std::size_t count = 0;

  // Equal scores have exactly that mean: 0.1 + 0.1 + 0.1 is not 3 * 0.1.
  double mean() const { return least == most ? least : sum / static_cast<double>(count); }
  double deviation() const {
    return std::sqrt(centred_squares / static_cast<double>(count - 1));
  }
};

void check(const ScoredCompletions& completions) {
  const std::size_t count = completions.scores.size();
  if (completions.groups.size() == count && completions.scored.size() == count) return;
  throw Error({.where = "completion_advantages",
               .what = "scores, groups and flags differ in length",
               .expected = std::to_string(count) + " of each",
               .got = std::to_string(completions.groups.size()) + " groups, " +
                      std::to_string(completions.scored.size()) + " flags"});
}

// Two passes, so that equal scores have a deviation of exactly 0.
template <class Key>
std::map<std::uint64_t, Moments> moments_by(const ScoredCompletions& completions, const Key& key) {
  std::map<std::uint64_t, Moments> moments;
  for (std::size_t i = 0; i < completions.scores.size(); ++i) {
    if (!completions.scored[i]) continue;
    Moments& group = moments[key(i)];
    group.sum += completions.scores[i];
    group.least = std::min(group.least, completions.scores[i]);
    group.most = std::max(group.most, completions.scores[i]);
    ++group.count;
  }
  for (std::size_t i = 0; i < completions.scores.size(); ++i) {
    if (!completions.scored[i]) continue;
    Moments& group = moments[key(i)];
    const double centred = completions.scores[i] - group.mean();
    group.centred_squares += centred * centred;
  }
  return moments;
}

double advantage(const LanguagePolicyOptions& options, double score, const Moments& group,
                 const Moments& batch) {
  if (group.count == 1) return score;
  const double centred = score - group.mean();
  const double n = static_cast<double>(group.count);
  switch (options.baseline) {
    case Baseline::group_std: return centred / (group.deviation() + options.std_epsilon);
    case Baseline::group_mean: return centred;
    case Baseline::batch_std: return centred / (batch.deviation() + options.std_epsilon);
    case Baseline::leave_one_out: return centred * n / (n - 1.0);
    case Baseline::whitened:
    case Baseline::critic: break;
  }
  throw Error({.where = "completion_advantages",
               .what = "this baseline works on tokens",
               .remedy = "use whitened_rewards_to_go or critic_advantages"});
}

}  // namespace

std::vector<double> completion_advantages(const LanguagePolicyOptions& options,
                                          const ScoredCompletions& completions) {
  check(completions);
  const auto groups =
      moments_by(completions, [&](std::size_t i) { return completions.groups[i]; });
  const auto batch = moments_by(completions, [](std::size_t) { return std::uint64_t{0}; });
  std::vector<double> advantages(completions.scores.size(), 0.0);
  for (std::size_t i = 0; i < advantages.size(); ++i) {
    if (!completions.scored[i]) continue;
    advantages[i] = advantage(options, completions.scores[i], groups.at(completions.groups[i]),
                              batch.at(0));
  }
  return advantages;
}

std::vector<std::uint64_t> zero_variance_groups(const ScoredCompletions& completions) {
  check(completions);
  std::vector<std::uint64_t> equal;
  const auto groups =
      moments_by(completions, [&](std::size_t i) { return completions.groups[i]; });
  for (const auto& [group, moments] : groups) {
    if (moments.centred_squares == 0.0) equal.push_back(group);
  }
  return equal;
}

std::vector<double> whitened_rewards_to_go(std::span<const double> rewards,
                                           std::span<const std::size_t> lengths) {
  std::vector<double> advantages(rewards.begin(), rewards.end());
  std::size_t begin = 0;
  for (const std::size_t length : lengths) {
    if (length > advantages.size() - begin) break;
    for (std::size_t t = begin + length; t-- > begin + 1;) advantages[t - 1] += advantages[t];
    begin += length;
  }
  if (begin != advantages.size() || lengths.empty() != rewards.empty()) {
    throw Error({.where = "whitened_rewards_to_go",
                 .what = "the lengths do not sum to the number of rewards",
                 .expected = std::to_string(rewards.size())});
  }
  whiten(advantages);
  return advantages;
}

double overlong_penalty(std::size_t length, std::size_t max_length, std::size_t buffer) {
  if (buffer == 0 || length + buffer <= max_length) return 0.0;
  const double over = static_cast<double>(length + buffer - max_length);
  return -std::min(1.0, over / static_cast<double>(buffer));
}

std::vector<double> token_weights(Aggregation aggregation, std::span<const std::size_t> lengths,
                                  std::size_t max_length) {
  std::size_t tokens = 0;
  std::size_t learning = 0;
  for (const std::size_t length : lengths) {
    tokens += length;
    learning += length > 0 ? 1 : 0;
  }
  std::vector<double> weights;
  weights.reserve(tokens);
  for (const std::size_t length : lengths) {
    double weight = 0.0;
    switch (aggregation) {
      case Aggregation::sequence_mean:
        weight = 1.0 / (static_cast<double>(learning) * static_cast<double>(length));
        break;
      case Aggregation::token_mean:
      case Aggregation::micro_batch_mean: weight = 1.0 / static_cast<double>(tokens); break;
      case Aggregation::constant_length:
        weight = 1.0 / (static_cast<double>(lengths.size()) * static_cast<double>(max_length));
        break;
    }
    weights.insert(weights.end(), length, weight);
  }
  return weights;
}

}  // namespace rl
