#include "learner/language/round_metrics.h"

#include <doctest/doctest.h>

namespace rl {
namespace {

LearningText text(std::vector<std::int64_t> versions, double score, std::vector<float> terms) {
  LearningText made;
  made.episode.tokens.assign(versions.size() + 1, 7);
  made.episode.sampled.assign(versions.size() + 1, 1);
  made.episode.sampled[0] = 0;
  made.episode.versions = {0};
  made.episode.versions.insert(made.episode.versions.end(), versions.begin(), versions.end());
  made.episode.score = score;
  made.episode.term_scores = std::move(terms);
  made.sampler_log_probs.assign(versions.size(), 0.0F);
  return made;
}

std::map<std::string, double> metrics_of(const std::vector<LearningText>& texts,
                                         const RoundFacts& facts) {
  std::vector<const LearningText*> all;
  for (const LearningText& one : texts) all.push_back(&one);
  std::map<std::string, double> metrics;
  describe_round(all, facts, metrics);
  return metrics;
}

TEST_SUITE("round metrics") {
  TEST_CASE("ages of tokens count from the version that brought the newest weights") {
    const std::vector<LearningText> texts{text({1, 2, 2, 4}, 0.0, {}), text({4, 5}, 0.0, {})};
    const auto metrics = metrics_of(texts, {.weights_since = 4, .max_staleness = 2});
    CHECK(metrics.at("policy/staleness_0") == doctest::Approx(3.0 / 6.0));  // 5 has 4's weights
    CHECK(metrics.at("policy/staleness_1") == 0.0);
    CHECK(metrics.at("policy/staleness_2") == doctest::Approx(2.0 / 6.0));
    CHECK(metrics.at("policy/staleness_beyond") == doctest::Approx(1.0 / 6.0));
    CHECK(metrics.at("policy/staleness") == doctest::Approx(7.0 / 6.0));
    CHECK(metrics.at("policy/staleness_max") == 3.0);
    CHECK(metrics.at("completions/tokens") == 6.0);
    CHECK(metrics.at("completions/length_min") == 2.0);
    CHECK(metrics.at("completions/length_max") == 4.0);
  }

  TEST_CASE("each reward has its mean and deviation, over the texts with a score") {
    std::vector<LearningText> texts{text({1}, 1.5, {1.0F, 0.5F}), text({1}, -0.5, {0.0F, -0.5F}),
                                    text({1}, 0.0, {})};
    texts[2].episode.scored = false;
    const auto metrics = metrics_of(texts, {.rewards = {"exact", "length"}});
    CHECK(metrics.at("reward/mean") == 0.5);
    CHECK(metrics.at("reward/std") == 1.0);
    CHECK(metrics.at("reward/exact_mean") == 0.5);
    CHECK(metrics.at("reward/exact_std") == 0.5);
    CHECK(metrics.at("reward/length_mean") == 0.0);
    CHECK(metrics.at("reward/length_std") == 0.5);
    CHECK(metrics.at("completions/unscored") == doctest::Approx(1.0 / 3.0));
  }

  TEST_CASE("rewards are named by their verifiers, repeated ones by their place") {
    using Names = std::vector<std::string>;
    CHECK(reward_names({}, false) == Names{"task"});
    CHECK(reward_names({}, true) == Names{"answer"});
    CHECK(reward_names({"regex:1:a.*", "length:0.5:3", "regex:2:b"}, true) ==
          Names{"regex", "length", "regex_2"});
  }
}

}  // namespace
}  // namespace rl
