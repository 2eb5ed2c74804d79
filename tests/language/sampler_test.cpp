#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "rl/core/error.h"
#include "rl/language/ops.h"
#include "src/language/kernels.h"
#include "src/language/sampler.h"

TEST_SUITE_BEGIN("language::sampler");

using namespace rl;
using namespace rl::language;

namespace {

std::vector<float> random_logits(std::size_t count, float spread, std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 0);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = spread * static_cast<float>(stream.normal());
  return logits;
}

TokenScore score_of(const std::vector<float>& logits, const SamplingOptions& options,
                    TokenId token = 0) {
  ThreadTeam team(1);
  TokenScore score;
  Ops(team).score(logits.data(), 1, logits.size(), inverse_temperature(options), &token, &score);
  return score;
}

Sampler loaded(const std::vector<float>& logits, const SamplingOptions& options) {
  Sampler sampler;
  REQUIRE(sampler.load(logits, options, score_of(logits, options)));
  return sampler;
}

Sampler loaded(std::vector<float>&& logits, const SamplingOptions& options) = delete;  // must last

// The kept tokens by a full sort, and their probabilities: the definition, in doubles.
std::vector<double> expected_distribution(const std::vector<float>& logits,
                                          const SamplingOptions& options) {
  std::vector<std::size_t> ranking(logits.size());
  std::iota(ranking.begin(), ranking.end(), 0);
  std::ranges::stable_sort(ranking, [&](auto a, auto b) { return logits[a] > logits[b]; });
  std::vector<double> weights(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    weights[i] = std::exp((static_cast<double>(logits[i]) - logits[ranking[0]]) /
                          options.temperature);
  }
  if (options.top_k != 0) ranking.resize(std::min(options.top_k, ranking.size()));
  double total = 0.0;
  for (const std::size_t id : ranking) total += weights[id];
  double sum = 0.0;
  std::size_t kept = 0;
  while (kept < ranking.size() && sum < options.top_p * total) sum += weights[ranking[kept++]];
  ranking.resize(kept);
  std::erase_if(ranking, [&](auto id) { return weights[id] < options.min_p; });
  std::vector<double> distribution(logits.size(), 0.0);
  total = 0.0;
  for (const std::size_t id : ranking) total += weights[id];
  for (const std::size_t id : ranking) distribution[id] = weights[id] / total;
  return distribution;
}

}  // namespace

TEST_CASE("temperature 0 takes the likeliest token, the lowest id among equals") {
  const std::vector<float> logits{1.0F, 3.0F, 2.0F, 3.0F};
  const Sampler sampler = loaded(logits, {.temperature = 0.0F});
  RngStream draws(1, RngRole::test, 0);
  const SampledToken sampled = sampler.draw(draws);
  CHECK(sampled.token == 1);
  CHECK(sampled.log_prob == 0.0F);
  CHECK(sampled.policy_log_prob == score_of(logits, {.temperature = 1.0F}, 1).log_prob);
  CHECK(draws.position() == 0);
}

TEST_CASE("without filters both log-probs are those of Ops::score, bit for bit") {
  for (const float temperature : {0.3F, 0.7F, 1.0F, 1.9F}) {
    const SamplingOptions options{.temperature = temperature};
    const std::vector<float> logits = random_logits(5003, 3.0F, 7);
    const Sampler sampler = loaded(logits, options);
    RngStream draws(2, RngRole::test, 0);
    for (int i = 0; i < 200; ++i) {
      const SampledToken sampled = sampler.draw(draws);
      const float expected = score_of(logits, options, sampled.token).log_prob;
      REQUIRE(sampled.policy_log_prob == expected);
      REQUIRE(sampled.log_prob == expected);
    }
  }
}

TEST_CASE("every draw takes the same number of random numbers") {
  const std::vector<float> logits = random_logits(300, 1.0F, 3);
  const Sampler sampler = loaded(logits, {.top_k = 5});
  RngStream draws(2, RngRole::test, 0);
  for (std::uint64_t i = 1; i < 50; ++i) {
    sampler.draw(draws);
    CHECK(draws.position() == 2 * i);
  }
}

TEST_CASE("draws follow the distribution that temperature and filters define") {
  const std::vector<SamplingOptions> many{
      {.temperature = 1.0F},
      {.temperature = 0.5F},
      {.temperature = 1.0F, .top_k = 1},
      {.temperature = 0.8F, .top_k = 7},
      {.temperature = 1.3F, .top_p = 0.6F},
      {.temperature = 1.0F, .min_p = 0.2F},
      {.temperature = 2.0F, .top_k = 40, .top_p = 0.9F, .min_p = 0.05F},
  };
  const std::vector<float> logits = random_logits(60, 1.5F, 11);
  for (const SamplingOptions& options : many) {
    CAPTURE(options.temperature);
    CAPTURE(options.top_k);
    CAPTURE(options.top_p);
    CAPTURE(options.min_p);
    const std::vector<double> expected = expected_distribution(logits, options);
    const Sampler sampler = loaded(logits, options);
    constexpr int kDraws = 40000;
    std::vector<double> seen(logits.size(), 0.0);
    RngStream draws(5, RngRole::test, 1);
    for (int i = 0; i < kDraws; ++i) {
      const SampledToken sampled = sampler.draw(draws);
      const auto token = static_cast<std::size_t>(sampled.token);
      REQUIRE(expected[token] > 0.0);
      REQUIRE(sampled.log_prob == doctest::Approx(std::log(expected[token])).epsilon(1e-4));
      seen[token] += 1.0 / kDraws;
    }
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double deviation = std::sqrt(expected[i] * (1.0 - expected[i]) / kDraws);
      REQUIRE(std::abs(seen[i] - expected[i]) <= 5.0 * deviation + 1e-9);
    }
  }
}

TEST_CASE("filters keep what a full sort keeps, for wide, narrow and flat logits") {
  for (const float spread : {0.0F, 1e-4F, 0.5F, 4.0F, 60.0F}) {
    const std::vector<float> logits = random_logits(3001, spread, 23);
    for (const SamplingOptions& options :
         {SamplingOptions{.top_k = 100}, SamplingOptions{.top_p = 0.35F},
          SamplingOptions{.top_k = 500, .top_p = 0.5F}, SamplingOptions{.top_p = 0.9F, .min_p = 0.1F}}) {
      CAPTURE(spread);
      CAPTURE(options.top_k);
      CAPTURE(options.top_p);
      const std::vector<double> expected = expected_distribution(logits, options);
      const Sampler sampler = loaded(logits, options);
      RngStream draws(6, RngRole::test, 2);
      for (int i = 0; i < 300; ++i) {
        const SampledToken sampled = sampler.draw(draws);
        const double probability = expected[static_cast<std::size_t>(sampled.token)];
        REQUIRE(probability > 0.0);
        REQUIRE(sampled.log_prob == doctest::Approx(std::log(probability)).epsilon(1e-3));
      }
    }
  }
}

TEST_CASE("equal logits: the lower ids are kept") {
  const std::vector<float> logits(10, 0.5F);
  const Sampler sampler = loaded(logits, {.top_k = 3});
  RngStream draws(1, RngRole::test, 0);
  std::vector<int> seen(10, 0);
  for (int i = 0; i < 200; ++i) {
    const SampledToken sampled = sampler.draw(draws);
    ++seen[static_cast<std::size_t>(sampled.token)];
    CHECK(sampled.log_prob == doctest::Approx(std::log(1.0 / 3.0)));
    CHECK(sampled.policy_log_prob == doctest::Approx(std::log(0.1)));
  }
  for (std::size_t i = 0; i < 10; ++i) CHECK((seen[i] > 0) == (i < 3));
}

TEST_CASE("filters that remove nothing leave the policy's log-prob") {
  const std::vector<float> logits = random_logits(64, 0.5F, 3);
  const Sampler sampler = loaded(logits, {.top_k = 64, .min_p = 1e-6F});
  RngStream draws(1, RngRole::test, 0);
  const SampledToken sampled = sampler.draw(draws);
  CHECK(sampled.log_prob == sampled.policy_log_prob);
}

TEST_CASE("impossible tokens are never drawn, and logits that are not numbers are refused") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits(600, -kInfinity);
  logits[17] = 1.0F;
  logits[599] = 0.0F;
  const Sampler sampler = loaded(logits, {});
  RngStream draws(1, RngRole::test, 0);
  for (int i = 0; i < 200; ++i) {
    const TokenId token = sampler.draw(draws).token;
    CHECK((token == 17 || token == 599));
  }
  Sampler other;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
    for (const std::size_t where : {0UL, 17UL, 500UL}) {
      std::vector<float> broken = random_logits(600, 1.0F, 1);
      broken[where] = bad;
      for (const float temperature : {0.0F, 1.0F}) {
        CAPTURE(where);
        CAPTURE(temperature);
        const SamplingOptions options{.temperature = temperature};
        CHECK_FALSE(other.load(broken, options, score_of(broken, options)));
        const SamplingOptions filtered{.temperature = temperature, .top_k = 3, .top_p = 0.5F};
        CHECK_FALSE(other.load(broken, filtered, score_of(broken, filtered)));
      }
    }
  }
}

TEST_CASE("sampling options out of range are refused by name") {
  const auto refused = [](const SamplingOptions& options, const char* name) {
    CHECK_THROWS_WITH_AS(validate(options), doctest::Contains(name), Error);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  refused({.temperature = -1.0F}, "temperature");
  refused({.temperature = 1e-5F}, "temperature");
  refused({.temperature = nan}, "temperature");
  refused({.top_p = 0.0F}, "top_p");
  refused({.top_p = 1.5F}, "top_p");
  refused({.top_p = nan}, "top_p");
  refused({.min_p = -0.1F}, "min_p");
  refused({.min_p = 1.1F}, "min_p");
  CHECK_NOTHROW(validate({.temperature = 0.0F}));
}

TEST_SUITE_END();
