#include "rl/algorithms/critic_advantages.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "rl/core/error.h"
#include "rl/core/rng.h"

using namespace rl;

namespace {

using Doubles = std::vector<double>;

struct Batch {
  std::vector<std::size_t> lengths{4, 1, 6};
  Doubles scores, kl, values;

  explicit Batch(std::uint64_t seed) {
    RngStream stream(seed, RngRole::test, 0);
    for (std::size_t i = 0; i < 3; ++i) scores.push_back(stream.normal());
    for (std::size_t t = 0; t < 11; ++t) {
      kl.push_back(0.3 * stream.normal());
      values.push_back(stream.normal());
    }
  }
  ValuedTokens view() const {
    return {.lengths = lengths, .scores = scores, .kl = kl, .values = values};
  }
};

LanguageCriticOptions plain() {
  LanguageCriticOptions options;
  options.whiten_advantages = false;
  return options;
}

double mean(const Doubles& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double variance(const Doubles& values) {
  double sum = 0.0;
  for (const double value : values) sum += (value - mean(values)) * (value - mean(values));
  return sum / double(values.size() - 1);
}

// The advantage of token t as the sum over all later ones that the paper writes out.
double by_definition(const Doubles& rewards, const Batch& batch, std::size_t t, double discount,
                     double lambda) {
  std::size_t end = 0;  // of the text that t is in
  for (const std::size_t length : batch.lengths) {
    end += length;
    if (t < end) break;
  }
  double sum = 0.0;
  for (std::size_t k = t; k < end; ++k) {
    const double next = k + 1 < end ? batch.values[k + 1] : 0.0;
    const double delta = rewards[k] + discount * next - batch.values[k];
    sum += std::pow(discount * lambda, double(k - t)) * delta;
  }
  return sum;
}

}  // namespace

TEST_SUITE("critic_advantages") {
  TEST_CASE("the score is on the last token of a text, the KL term on every one") {
    const Batch batch(1);
    const CriticAdvantages judged = critic_advantages(plain(), 0.05, batch.view());
    for (std::size_t t = 0; t < 11; ++t) {
      double expected = -0.05 * batch.kl[t];
      if (t == 3) expected += batch.scores[0];
      if (t == 4) expected += batch.scores[1];
      if (t == 10) expected += batch.scores[2];
      CHECK(judged.rewards[t] == doctest::Approx(expected).epsilon(1e-14));
    }
  }

  TEST_CASE("advantages and returns are the sums of the paper, text by text, with two lambdas") {
    for (const double discount : {1.0, 0.9}) {
      for (const double lambda : {0.0, 0.95, 1.0}) {
        LanguageCriticOptions options = plain();
        options.discount = discount;
        options.lambda = lambda;
        options.value_lambda = 0.7;
        for (std::uint64_t seed = 1; seed < 4; ++seed) {
          const Batch batch(seed);
          const CriticAdvantages judged = critic_advantages(options, 0.1, batch.view());
          for (std::size_t t = 0; t < 11; ++t) {
            CHECK(judged.advantages[t] ==
                  doctest::Approx(by_definition(judged.rewards, batch, t, discount, lambda))
                      .epsilon(1e-12));
            CHECK(judged.returns[t] ==
                  doctest::Approx(batch.values[t] +
                                  by_definition(judged.rewards, batch, t, discount, 0.7))
                      .epsilon(1e-12));
          }
        }
      }
    }
  }

  TEST_CASE("with both lambdas and the discount 1 the return of a token is what is still to come") {
    LanguageCriticOptions options = plain();
    options.lambda = options.value_lambda = 1.0;
    const Batch batch(5);
    const CriticAdvantages judged = critic_advantages(options, 0.0, batch.view());
    for (std::size_t t = 0; t < 11; ++t) {
      const double score = batch.scores[t < 4 ? 0 : t < 5 ? 1 : 2];
      CHECK(judged.returns[t] == doctest::Approx(score));
      CHECK(judged.advantages[t] == doctest::Approx(score - batch.values[t]));
    }
  }

  TEST_CASE("a critic that is right leaves no advantage") {
    Batch batch(6);
    for (std::size_t t = 0; t < 11; ++t) batch.values[t] = batch.scores[t < 4 ? 0 : t < 5 ? 1 : 2];
    batch.kl.clear();
    for (const double advantage : critic_advantages({}, 0.05, batch.view()).advantages) {
      CHECK(advantage == 0.0);
    }
  }

  TEST_CASE("whitening takes mean and deviation over the tokens of all texts") {
    const Batch batch(7);
    LanguageCriticOptions options;
    const Doubles raw = critic_advantages(plain(), 0.1, batch.view()).advantages;
    const CriticAdvantages judged = critic_advantages(options, 0.1, batch.view());
    for (std::size_t t = 0; t < 11; ++t) {
      CHECK(judged.advantages[t] ==
            doctest::Approx((raw[t] - mean(raw)) / std::sqrt(variance(raw) + 1e-8)));
    }
    CHECK(judged.returns[0] == critic_advantages(plain(), 0.1, batch.view()).returns[0]);
  }

  TEST_CASE("whitened rewards keep their mean") {
    const Batch batch(8);
    LanguageCriticOptions options = plain();
    const Doubles raw = critic_advantages(options, 0.1, batch.view()).rewards;
    options.whiten_rewards = true;
    const Doubles rewards = critic_advantages(options, 0.1, batch.view()).rewards;
    CHECK(mean(rewards) == doctest::Approx(mean(raw)));
    CHECK(variance(rewards) == doctest::Approx(1.0).epsilon(1e-6));
  }

  TEST_CASE("lengths that do not fit are refused") {
    Batch batch(9);
    batch.lengths.back() = 5;
    CHECK_THROWS_WITH_AS(critic_advantages({}, 0.0, batch.view()), doctest::Contains("sum to 10"),
                         Error);
    Batch empty(9);
    empty.lengths = {5, 0, 6};
    CHECK_THROWS_AS(critic_advantages({}, 0.0, empty.view()), Error);
    Batch short_kl(9);
    short_kl.kl.pop_back();
    CHECK_THROWS_AS(critic_advantages({}, 0.0, short_kl.view()), Error);
  }
}
