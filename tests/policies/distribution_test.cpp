#include "rl/policies/distribution.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Mask = std::vector<std::uint8_t>;

std::vector<double> softmax(const std::vector<float>& logits, const Mask& mask) {
  std::vector<double> p(logits.size());
  double total = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    p[i] = mask.empty() || mask[i] != 0 ? std::exp(static_cast<double>(logits[i])) : 0.0;
    total += p[i];
  }
  for (double& value : p) value /= total;
  return p;
}

double entropy_of(const std::vector<double>& p) {
  double total = 0.0;
  for (const double value : p) total -= value > 0.0 ? value * std::log(value) : 0.0;
  return total;
}

// Five standard errors of a frequency.
double slack(double p, int n) { return 5.0 * std::sqrt(p * (1.0 - p) / n) + 1e-12; }

void check_frequencies(const std::vector<double>& p,
                       const std::function<std::int64_t(RngStream&)>& sample) {
  constexpr int kSamples = 40'000;
  RngStream stream(11, RngRole::test, 0);
  std::vector<int> counts(p.size());
  for (int i = 0; i < kSamples; ++i) ++counts.at(static_cast<std::size_t>(sample(stream)));
  for (std::size_t i = 0; i < p.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(counts[i] / double{kSamples} - p[i]) <= slack(p[i], kSamples));
    if (p[i] == 0.0) CHECK(counts[i] == 0);
  }
}

double gaussian_density(double x, double mean, double std) {
  const double z = (x - mean) / std;
  return std::exp(-0.5 * z * z) / (std * std::sqrt(2.0 * std::numbers::pi));
}

}  // namespace

TEST_SUITE_BEGIN("policies::distribution");

TEST_CASE("a categorical agrees with softmax in double, with and without a mask") {
  RngStream stream(1, RngRole::test, 0);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t n = 1 + stream.below(9);
    std::vector<float> logits(n);
    for (float& logit : logits) logit = static_cast<float>(stream.uniform(-6.0, 6.0));
    Mask mask;
    if (trial % 2 == 1) {
      mask.resize(n);
      for (auto& flag : mask) flag = static_cast<std::uint8_t>(stream.below(2));
      mask[stream.below(n)] = 1;
    }
    const std::vector<double> p = softmax(logits, mask);
    const Categorical categorical(logits, mask);
    for (std::size_t i = 0; i < n; ++i) {
      const double log_prob = categorical.log_prob(static_cast<std::int64_t>(i));
      if (p[i] == 0.0) {
        CHECK(log_prob == -kInfinity);
      } else {
        CHECK(log_prob == doctest::Approx(std::log(p[i])).epsilon(1e-12));
      }
    }
    CHECK(categorical.entropy() == doctest::Approx(entropy_of(p)).epsilon(1e-12));
    CHECK(p[static_cast<std::size_t>(categorical.mode())] ==
          *std::max_element(p.begin(), p.end()));
  }
}

TEST_CASE("a categorical's samples come with the stated probabilities, forbidden ones never") {
  const std::vector<float> logits = {0.3F, -1.0F, 2.0F, 0.0F, 1.5F};
  for (const Mask& mask : {Mask{}, Mask{1, 0, 0, 1, 1}, Mask{0, 0, 0, 0, 1}}) {
    const Categorical categorical(logits, mask);
    check_frequencies(softmax(logits, mask),
                      [&](RngStream& stream) { return categorical.sample(stream); });
  }
}

TEST_CASE("extreme logits stay finite") {
  const std::vector<float> logits = {1e4F, -1e4F, 1e4F};
  const Categorical categorical(logits);
  CHECK(categorical.log_prob(0) == doctest::Approx(-std::numbers::ln2));
  CHECK(categorical.log_prob(1) == doctest::Approx(-2e4).epsilon(1e-4));
  CHECK(categorical.entropy() == doctest::Approx(std::numbers::ln2));
  CHECK(categorical.mode() == 0);
  check_frequencies({0.5, 0.0, 0.5}, [&](RngStream& s) { return categorical.sample(s); });
  const Mask only_the_worst = {0, 1, 0};
  const Categorical forced(logits, only_the_worst);
  CHECK(forced.log_prob(1) == 0.0);
  CHECK(forced.entropy() == 0.0);
  CHECK(forced.mode() == 1);
}

TEST_CASE("a category out of range has no probability") {
  const std::vector<float> logits = {0.0F, 1.0F};
  CHECK(Categorical(logits).log_prob(2) == -kInfinity);
  CHECK(Categorical(logits).log_prob(-1) == -kInfinity);
  CHECK(EpsilonGreedy(logits, 0.5).log_prob(-1) == -kInfinity);
}

TEST_CASE("a mask that forbids everything or has another length is refused") {
  const std::vector<float> logits = {0.0F, 1.0F};
  const Mask none = {0, 0};
  const Mask wrong = {1, 1, 1};
  CHECK_THROWS_AS(Categorical(logits, none), Error);
  CHECK_THROWS_AS(Categorical(logits, wrong), Error);
  CHECK_THROWS_AS(EpsilonGreedy(logits, 0.1, none), Error);
  CHECK_THROWS_AS(EpsilonGreedy(logits, 0.1, wrong), Error);
  const std::vector<std::int64_t> categories = {2, 2};
  CHECK_THROWS_AS(MultiDiscrete(logits, categories), Error);
}

TEST_CASE("epsilon-greedy explores as stated and says how likely its choice was") {
  const std::vector<float> values = {0.0F, 3.0F, 1.0F, 3.0F};
  struct Expected {
    double epsilon;
    Mask mask;
    std::vector<double> p;
  };
  for (const Expected& e : {Expected{0.2, {}, {0.05, 0.85, 0.05, 0.05}},
                            Expected{0.3, {1, 0, 1, 1}, {0.1, 0.0, 0.1, 0.8}},
                            Expected{0.0, {}, {0.0, 1.0, 0.0, 0.0}},
                            Expected{1.0, {}, {0.25, 0.25, 0.25, 0.25}}}) {
    const EpsilonGreedy policy(values, e.epsilon, e.mask);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(std::exp(policy.log_prob(static_cast<std::int64_t>(i))) ==
            doctest::Approx(e.p[i]).epsilon(1e-12));
    }
    CHECK(policy.entropy() == doctest::Approx(entropy_of(e.p)).epsilon(1e-12));
    check_frequencies(e.p, [&](RngStream& stream) { return policy.sample(stream); });
  }
}

TEST_CASE("a multi-discrete is the product of its categoricals") {
  const std::vector<float> logits = {0.1F, 2.0F, -1.0F, 0.7F, 0.2F};
  const std::vector<std::int64_t> categories = {3, 2};
  const Mask mask = {1, 0, 1, 1, 1};
  const MultiDiscrete joint(logits, categories, mask);
  const auto first = softmax({0.1F, 2.0F, -1.0F}, {1, 0, 1});
  const auto second = softmax({0.7F, 0.2F}, {});
  std::vector<double> p;
  for (const double a : first) {
    for (const double b : second) p.push_back(a * b);
  }
  for (std::int32_t i = 0; i < 6; ++i) {
    const std::vector<std::int32_t> action = {i / 2, i % 2};
    const double log_prob = joint.log_prob(std::span<const std::int32_t>(action));
    CHECK(std::exp(log_prob) == doctest::Approx(p[static_cast<std::size_t>(i)]).epsilon(1e-12));
  }
  CHECK(joint.entropy() == doctest::Approx(entropy_of(p)).epsilon(1e-12));
  std::vector<std::int64_t> action(2);
  joint.mode(std::span<std::int64_t>(action));
  CHECK(action == std::vector<std::int64_t>{0, 0});
  check_frequencies(p, [&](RngStream& stream) {
    joint.sample(stream, std::span<std::int64_t>(action));
    return action[0] * 2 + action[1];
  });
}

TEST_CASE("a diagonal gaussian agrees with the density in double and with its own moments") {
  const std::vector<float> mean = {0.5F, -2.0F};
  const std::vector<float> log_std = {-0.3F, 0.8F};
  const DiagonalGaussian gaussian(mean, log_std);
  RngStream stream(3, RngRole::test, 0);
  constexpr int kSamples = 40'000;
  std::vector<double> sum(2);
  std::vector<double> squares(2);
  double mean_log_prob = 0.0;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<float> action(2);
    gaussian.sample(stream, std::span<float>(action));
    double density = 1.0;
    for (std::size_t e = 0; e < 2; ++e) {
      const double std = std::exp(double{log_std[e]});
      density *= gaussian_density(action[e], mean[e], std);
      sum[e] += (action[e] - mean[e]) / std / kSamples;
      squares[e] += std::pow((action[e] - mean[e]) / std, 2) / kSamples;
    }
    const double log_prob = gaussian.log_prob(std::span<const float>(action));
    if (i < 200) CHECK(log_prob == doctest::Approx(std::log(density)).epsilon(1e-9));
    mean_log_prob += log_prob / kSamples;
  }
  for (std::size_t e = 0; e < 2; ++e) {
    CHECK(std::abs(sum[e]) < 5.0 / std::sqrt(kSamples));
    CHECK(std::abs(squares[e] - 1.0) < 5.0 * std::sqrt(2.0 / kSamples));
  }
  CHECK(std::abs(mean_log_prob + gaussian.entropy()) < 5.0 / std::sqrt(kSamples));
  std::vector<double> mode(2);
  gaussian.mode(std::span<double>(mode));
  CHECK(mode == std::vector<double>{0.5, -2.0});
}

TEST_CASE("a squashed gaussian's density is the derivative of its distribution function") {
  const std::vector<float> mean = {0.4F};
  const std::vector<float> log_std = {-0.2F};
  const std::vector<double> low = {-1.0};
  const std::vector<double> high = {5.0};
  const SquashedGaussian squashed(mean, log_std, low, high);
  const auto distribution_function = [&](double a) {
    const double u = std::atanh((a - 2.0) / 3.0);
    return 0.5 * std::erfc(-(u - mean[0]) / std::exp(double{log_std[0]}) / std::numbers::sqrt2);
  };
  double mass = 0.0;
  double entropy = 0.0;
  constexpr int kCells = 4000;
  for (int i = 0; i < kCells; ++i) {
    const double width = 6.0 / kCells;
    const double a = -1.0 + (i + 0.5) * width;
    const double log_prob = squashed.log_prob(std::span<const double>(&a, 1));
    mass += std::exp(log_prob) * width;
    entropy -= std::exp(log_prob) * log_prob * width;
    if (i % 100 != 50) continue;
    const double h = 1e-5;
    const double slope =
        (distribution_function(a + h) - distribution_function(a - h)) / (2.0 * h);
    CHECK(std::exp(log_prob) == doctest::Approx(slope).epsilon(1e-6));
  }
  CHECK(mass == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(squashed.entropy() == doctest::Approx(entropy).epsilon(1e-5));
}

TEST_CASE("a squashed gaussian never leaves its bounds, however extreme its outputs") {
  const std::vector<double> low = {-0.1, 0.3};  // not representable in f32
  const std::vector<double> high = {0.7, 0.9};
  RngStream stream(5, RngRole::test, 0);
  for (const float mean : {-1e4F, -20.0F, 0.0F, 20.0F, 1e4F}) {
    for (const float log_std : {-20.0F, 0.0F, 2.0F}) {
      const std::vector<float> means = {mean, -mean};
      const std::vector<float> log_stds = {log_std, log_std};
      const SquashedGaussian squashed(means, log_stds, low, high);
      for (int i = 0; i < 20; ++i) {
        std::vector<float> action(2);
        squashed.sample(stream, std::span<float>(action));
        for (std::size_t e = 0; e < 2; ++e) {
          REQUIRE(double{action[e]} >= low[e]);
          REQUIRE(double{action[e]} <= high[e]);
        }
      }
      std::vector<float> mode(2);
      squashed.mode(std::span<float>(mode));
      const double log_prob = squashed.log_prob(std::span<const float>(mode));
      CHECK(std::isfinite(log_prob));
    }
  }
}

TEST_CASE("every draw takes the stated number of draws of the stream") {
  const std::vector<float> two = {0.3F, -0.8F};
  const std::vector<double> low = {-1.0, -1.0};
  const std::vector<double> high = {1.0, 1.0};
  std::vector<float> action(2);
  RngStream stream(1, RngRole::test, 0);
  const auto draws = [&](const std::function<void()>& sample) {
    const std::uint64_t before = stream.position();
    sample();
    return stream.position() - before;
  };
  CHECK(draws([&] { Categorical(two).sample(stream); }) == kCategoricalDraws);
  CHECK(draws([&] { EpsilonGreedy(two, 0.5).sample(stream); }) == kEpsilonGreedyDraws);
  CHECK(draws([&] { DiagonalGaussian(two, two).sample(stream, std::span<float>(action)); }) ==
        2 * kGaussianDraws);
  CHECK(draws([&] {
          SquashedGaussian(two, two, low, high).sample(stream, std::span<float>(action));
        }) == 2 * kGaussianDraws);
}

TEST_SUITE_END();

}  // namespace rl
