#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/cuda/batches.h"

using namespace rl::cuda;
using rl::test::CategoricalData;
using rl::test::GaeData;

namespace {

// A_t as the plain sum over the steps that follow within the episode, each with its own discount.
double summed_advantage(const GaeData& data, std::size_t t, std::size_t b, double discount,
                        double lambda) {
  double sum = 0.0;
  double weight = 1.0;
  for (std::size_t k = t; k < data.num_steps; ++k, weight *= discount * lambda) {
    const std::size_t i = k * data.num_environments + b;
    const double next_value = data.terminated[i] ? 0.0 : data.next_values[i];
    sum += weight * (data.rewards[i] + discount * next_value - data.values[i]);
    if (data.terminated[i] || data.truncated[i]) break;
  }
  return sum;
}

std::vector<double> probabilities(const CategoricalData& data, std::size_t n) {
  std::vector<double> p(data.num_actions);
  double total = 0.0;
  for (std::size_t j = 0; j < p.size(); ++j) {
    p[j] = std::exp(static_cast<double>(data.logits[n * p.size() + j]));
    total += p[j];
  }
  for (double& value : p) value /= total;
  return p;
}

double entropy(const std::vector<double>& p) {
  double sum = 0.0;
  for (const double value : p) sum -= value > 0.0 ? value * std::log(value) : 0.0;
  return sum;
}

// What categorical_backward differentiates, for row n.
double objective(const CategoricalData& data, std::size_t n) {
  const auto p = probabilities(data, n);
  const auto action = static_cast<std::size_t>(data.actions[n]);
  return data.log_prob_gradients[n] * std::log(p[action]) + data.entropy_gradients[n] * entropy(p);
}

}  // namespace

TEST_SUITE("cuda references") {
  TEST_CASE("GAE equals the sum of discounted errors up to the end of each episode") {
    const GaeData data(37, 5, 1);
    std::vector<float> advantages(data.rewards.size());
    gae_reference(data.batch(), 0.97, 0.9, advantages.data());
    for (std::size_t t = 0; t < data.num_steps; ++t) {
      for (std::size_t b = 0; b < data.num_environments; ++b) {
        const double expected = summed_advantage(data, t, b, 0.97, 0.9);
        CHECK(advantages[t * data.num_environments + b] == doctest::Approx(expected).epsilon(1e-6));
      }
    }
  }

  TEST_CASE("a terminated step ignores the next value and a truncated step counts it") {
    const float reward = 1.0F, value = 0.25F, next_value = 8.0F;
    const std::uint8_t yes = 1, no = 0;
    float advantage = 0.0F;
    gae_reference({1, 1, &reward, &value, &next_value, &yes, &no}, 0.5, 0.9, &advantage);
    CHECK(advantage == 0.75F);
    gae_reference({1, 1, &reward, &value, &next_value, &no, &yes}, 0.5, 0.9, &advantage);
    CHECK(advantage == 4.75F);
    gae_reference({1, 1, &reward, &value, &next_value, &yes, &yes}, 0.5, 0.9, &advantage);
    CHECK(advantage == 0.75F);
  }

  TEST_CASE("categorical equals the softmax written out, masked actions included") {
    const CategoricalData data(40, 7, 2);
    std::vector<float> log_probs(data.num_rows), entropies(data.num_rows);
    categorical_reference(data.batch(), log_probs.data(), entropies.data());
    for (std::size_t n = 0; n < data.num_rows; ++n) {
      const auto p = probabilities(data, n);
      const auto action = static_cast<std::size_t>(data.actions[n]);
      CHECK(log_probs[n] == doctest::Approx(std::log(p[action])).epsilon(1e-6));
      CHECK(entropies[n] == doctest::Approx(entropy(p)).epsilon(1e-6));
    }
  }

  TEST_CASE("categorical survives logits whose exponentials overflow") {
    const std::vector<float> logits = {1000.0F, 1000.0F, -1000.0F};
    const std::int64_t action = 1;
    float log_prob = 0.0F, row_entropy = 0.0F;
    categorical_reference({1, 3, logits.data(), &action}, &log_prob, &row_entropy);
    CHECK(log_prob == doctest::Approx(-std::log(2.0)));
    CHECK(row_entropy == doctest::Approx(std::log(2.0)));
  }

  TEST_CASE("an action outside the range gives NaN in its own row only") {
    const std::vector<float> logits = {0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F};
    const std::vector<std::int64_t> actions = {2, 0, -1};
    std::vector<float> log_probs(3), entropies(3), gradients(6);
    const std::vector<float> ones(3, 1.0F);
    const CategoricalBatch batch{3, 2, logits.data(), actions.data()};
    categorical_reference(batch, log_probs.data(), entropies.data());
    categorical_backward_reference(batch, ones.data(), ones.data(), gradients.data());
    CHECK(std::isnan(log_probs[0]));
    CHECK(log_probs[1] == doctest::Approx(-std::log(2.0)));
    CHECK(std::isnan(log_probs[2]));
    CHECK(std::isnan(gradients[1]));
    CHECK(gradients[2] == doctest::Approx(0.5));
    CHECK(std::isnan(gradients[4]));
  }

  TEST_CASE("the categorical gradient equals finite differences and is 0 where masked") {
    CategoricalData data(12, 6, 3);
    std::vector<float> gradients(data.logits.size());
    categorical_backward_reference(data.batch(), data.log_prob_gradients.data(),
                                   data.entropy_gradients.data(), gradients.data());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const float logit = data.logits[i];
      if (std::isinf(logit)) {
        CHECK(gradients[i] == 0.0F);
        continue;
      }
      const std::size_t n = i / data.num_actions;
      const float above = logit + 0.0078125F, below = logit - 0.0078125F;
      data.logits[i] = above;
      const double high = objective(data, n);
      data.logits[i] = below;
      const double low = objective(data, n);
      data.logits[i] = logit;
      const double width = static_cast<double>(above) - static_cast<double>(below);
      CHECK(gradients[i] == doctest::Approx((high - low) / width).epsilon(1e-3));
    }
  }
}
