#include "learner/language/round_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rl {
namespace {

struct Moments {
  double count = 0.0, sum = 0.0, squares = 0.0;

  void add(double value) {
    count += 1.0;
    sum += value;
    squares += value * value;
  }
  double mean() const { return sum / count; }
  double deviation() const {
    return std::sqrt(std::max(0.0, squares / count - mean() * mean()));
  }
};

void describe_rewards(const std::vector<const LearningText*>& texts,
                      const std::vector<std::string>& names,
                      std::map<std::string, double>& metrics) {
  Moments all;
  std::vector<Moments> terms(names.size());
  for (const LearningText* text : texts) {
    const rollout::TextEpisode& episode = text->episode;
    if (!episode.scored) continue;
    all.add(episode.score);
    const std::size_t known = std::min(terms.size(), episode.term_scores.size());
    for (std::size_t i = 0; i < known; ++i) terms[i].add(double{episode.term_scores[i]});
  }
  metrics["reward/mean"] = all.mean();
  metrics["reward/std"] = all.deviation();
  for (std::size_t i = 0; i < names.size(); ++i) {
    metrics["reward/" + names[i] + "_mean"] = terms[i].mean();
    metrics["reward/" + names[i] + "_std"] = terms[i].deviation();
  }
  const auto count = static_cast<double>(texts.size());
  metrics["completions/unscored"] = (count - all.count) / count;
}

void describe_lengths(const std::vector<const LearningText*>& texts,
                      std::map<std::string, double>& metrics) {
  double tokens = 0.0, truncated = 0.0, most = 0.0;
  double least = std::numeric_limits<double>::infinity();
  for (const LearningText* text : texts) {
    const auto length = static_cast<double>(text->sampled_tokens());
    tokens += length;
    least = std::min(least, length);
    most = std::max(most, length);
    truncated += text->episode.truncated ? 1.0 : 0.0;
  }
  const auto count = static_cast<double>(texts.size());
  metrics["completions/tokens"] = tokens;
  metrics["completions/truncated"] = truncated / count;
  metrics["completions/length_mean"] = tokens / count;
  metrics["completions/length_min"] = least;
  metrics["completions/length_max"] = most;
}

void describe_ages(const std::vector<const LearningText*>& texts, const RoundFacts& facts,
                   std::map<std::string, double>& metrics) {
  std::vector<double> tokens(facts.max_staleness + 1, 0.0);  // by age
  double beyond = 0.0, count = 0.0, sum = 0.0, most = 0.0;
  for (const LearningText* text : texts) {
    const rollout::TextEpisode& episode = text->episode;
    for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
      if (!episode.sampled[i]) continue;
      const auto behind =
          static_cast<std::int64_t>(facts.weights_since) - episode.versions[i];
      const auto age = static_cast<std::uint64_t>(std::max<std::int64_t>(behind, 0));
      (age < tokens.size() ? tokens[age] : beyond) += 1.0;
      count += 1.0;
      sum += static_cast<double>(age);
      most = std::max(most, static_cast<double>(age));
    }
  }
  metrics["policy/staleness"] = sum / count;
  metrics["policy/staleness_max"] = most;
  metrics["policy/staleness_beyond"] = beyond / count;
  for (std::size_t age = 0; age < tokens.size(); ++age) {
    metrics["policy/staleness_" + std::to_string(age)] = tokens[age] / count;
  }
}

}  // namespace

void describe_round(const std::vector<const LearningText*>& texts, const RoundFacts& facts,
                    std::map<std::string, double>& metrics) {
  describe_rewards(texts, facts.rewards, metrics);
  describe_lengths(texts, metrics);
  describe_ages(texts, facts, metrics);
}

std::vector<std::string> reward_names(const std::vector<std::string>& rewards, bool from_file) {
  if (rewards.empty()) return {from_file ? "answer" : "task"};
  std::map<std::string, int> seen;
  std::vector<std::string> names;
  for (const std::string& reward : rewards) {
    const std::string name = reward.substr(0, reward.find(':'));
    const int place = ++seen[name];
    names.push_back(place == 1 ? name : name + "_" + std::to_string(place));
  }
  return names;
}

}  // namespace rl
