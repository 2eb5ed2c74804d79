#include "rl/algorithms/group_advantages.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "rl/core/error.h"

using namespace rl;

namespace {

struct Batch {
  std::vector<double> scores{1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 2.0};
  std::vector<std::uint64_t> groups{1, 1, 1, 1, 2, 2, 3};
  std::vector<std::uint8_t> scored{1, 1, 1, 0, 1, 1, 1};
  ScoredCompletions view() const { return {scores, groups, scored}; }
};

std::vector<double> advantages(Baseline baseline, const Batch& batch = {}) {
  LanguagePolicyOptions options;
  options.baseline = baseline;
  options.std_epsilon = 1e-4;
  return completion_advantages(options, batch.view());
}

}  // namespace

TEST_SUITE("group_advantages") {
  TEST_CASE("GRPO divides by the group's deviation; the unscored count nowhere") {
    const auto a = advantages(Baseline::group_std);
    const double mean = 1.0 / 3.0, deviation = std::sqrt(1.0 / 3.0);
    CHECK(a[0] == doctest::Approx((1.0 - mean) / (deviation + 1e-4)));
    CHECK(a[1] == doctest::Approx(-mean / (deviation + 1e-4)));
    CHECK(a[3] == 0.0);
    CHECK(a[4] == 0.0);  // equal scores
    CHECK(a[6] == 2.0);  // alone: mean 0, deviation 1
  }

  TEST_CASE("Dr. GRPO only centres, RLOO compares with the others") {
    const auto centred = advantages(Baseline::group_mean);
    const auto others = advantages(Baseline::leave_one_out);
    CHECK(centred[0] == doctest::Approx(2.0 / 3.0));
    CHECK(others[0] == doctest::Approx(1.0 - 0.0));         // the others: 0 and 0
    CHECK(others[1] == doctest::Approx(0.0 - (1.0 + 0.0) / 2));
  }

  TEST_CASE("the batch's deviation divides every group alike") {
    const auto a = advantages(Baseline::batch_std);
    const std::vector<double> scored{1.0, 0.0, 0.0, 0.5, 0.5, 2.0};
    const double mean = std::accumulate(scored.begin(), scored.end(), 0.0) / 6.0;
    double squares = 0.0;
    for (const double score : scored) squares += (score - mean) * (score - mean);
    CHECK(a[0] == doctest::Approx((2.0 / 3.0) / (std::sqrt(squares / 5.0) + 1e-4)));
  }

  TEST_CASE("centred advantages of a group sum to 0") {
    for (const Baseline baseline :
         {Baseline::group_std, Baseline::group_mean, Baseline::leave_one_out}) {
      const auto a = advantages(baseline);
      CHECK(a[0] + a[1] + a[2] == doctest::Approx(0.0));
    }
  }

  TEST_CASE("groups with equal scores are found, those with unscored members included") {
    Batch batch;
    CHECK(zero_variance_groups(batch.view()) == std::vector<std::uint64_t>{2, 3});
    batch.scored = {1, 0, 0, 1, 1, 1, 0};  // group 1: two scored members with 1
    CHECK(zero_variance_groups(batch.view()) == std::vector<std::uint64_t>{1, 2});
  }

  TEST_CASE("different lengths are refused") {
    Batch batch;
    batch.groups.pop_back();
    CHECK_THROWS_AS(advantages(Baseline::group_std, batch), Error);
  }

  TEST_CASE("rewards to go stay inside their sequence and are whitened over all tokens") {
    const std::vector<double> rewards{1.0, 2.0, 3.0, -1.0, 4.0};
    const std::vector<std::size_t> lengths{3, 2};
    const std::vector<double> to_go{6.0, 5.0, 3.0, 3.0, 4.0};
    const auto a = whitened_rewards_to_go(rewards, lengths);
    const double mean = 21.0 / 5.0;
    double variance = 0.0;
    for (const double value : to_go) variance += (value - mean) * (value - mean) / 4.0;
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(a[i] == doctest::Approx((to_go[i] - mean) / std::sqrt(variance + 1e-8)));
    }
    CHECK_THROWS_AS(whitened_rewards_to_go(rewards, std::vector<std::size_t>{3, 1}), Error);
    CHECK_THROWS_AS(whitened_rewards_to_go(rewards, std::vector<std::size_t>{3, 3}), Error);
  }

  TEST_CASE("the punishment of length rises linearly over the buffer") {
    CHECK(overlong_penalty(80, 100, 20) == 0.0);
    CHECK(overlong_penalty(90, 100, 20) == -0.5);
    CHECK(overlong_penalty(100, 100, 20) == -1.0);
    CHECK(overlong_penalty(100, 100, 0) == 0.0);
  }

  TEST_CASE("token weights make the weighted sum the named aggregation") {
    const std::vector<std::size_t> lengths{2, 0, 4};
    CHECK(token_weights(Aggregation::token_mean, lengths, 10) ==
          std::vector<double>(6, 1.0 / 6.0));
    const auto means = token_weights(Aggregation::sequence_mean, lengths, 10);
    CHECK(means[0] == doctest::Approx(0.25));   // two sequences learn, 2 tokens
    CHECK(means[2] == doctest::Approx(0.125));  // 4 tokens
    CHECK(token_weights(Aggregation::constant_length, lengths, 10) ==
          std::vector<double>(6, 1.0 / 30.0));
  }

  TEST_CASE("every preset is valid and an unknown one names the near ones") {
    for (const char* name :
         {"grpo", "dr-grpo", "dapo", "rloo", "reinforce++", "gspo", "cispo"}) {
      CHECK_NOTHROW(validate(language_policy_preset(name)));
    }
    CHECK_THROWS_WITH_AS(language_policy_preset("grop"), doctest::Contains("grpo"), Error);
    LanguagePolicyOptions options;
    options.clip_low = 0.0;
    CHECK_THROWS_WITH_AS(validate(options), doctest::Contains("clip_low"), Error);
  }
}
