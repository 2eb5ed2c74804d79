#include "rl/algorithms/preference.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>

#include "support/torch_doctest.h"

#include <cmath>

#include "algorithms/tensors.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

constexpr std::int64_t kPairs = 6;

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

std::vector<double> values(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

double number(const at::Tensor& tensor) {
  return tensor.item<double>();
}

RewardPairs random_rewards(std::uint64_t seed, bool margins = true) {
  RngStream stream(seed, RngRole::test, 0);
  RewardPairs pairs{.chosen = random_normal(stream, {kPairs}),
                    .rejected = random_normal(stream, {kPairs})};
  if (margins) pairs.margins = random_normal(stream, {kPairs}).abs();
  return pairs;
}

LogProbPairs random_log_probs(std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 1);
  LogProbPairs pairs;
  pairs.reference_chosen = random_normal(stream, {kPairs}, 4.0) - 30.0;
  pairs.reference_rejected = random_normal(stream, {kPairs}, 4.0) - 30.0;
  pairs.chosen = pairs.reference_chosen + random_normal(stream, {kPairs}, 5.0);
  pairs.rejected = pairs.reference_rejected + random_normal(stream, {kPairs}, 5.0);
  pairs.chosen_tokens = doubles({9, 4, 12, 1, 7, 3}, {kPairs});
  pairs.rejected_tokens = doubles({5, 8, 2, 10, 6, 11}, {kPairs});
  return pairs;
}

// Loss and gradients by both sides, written out from the formulas.
struct ByHand {
  double value = 0.0;
  std::vector<double> chosen, rejected;
};

ByHand reward_by_hand(const RewardModelOptions& options, const RewardPairs& pairs, double divisor) {
  ByHand result;
  const auto c = values(pairs.chosen), r = values(pairs.rejected);
  for (std::size_t i = 0; i < c.size(); ++i) {
    const double margin = pairs.margins.defined() ? values(pairs.margins)[i] : 0.0;
    const double d = c[i] - r[i] - margin;
    const double k = options.center_coefficient;
    result.value += (std::log1p(std::exp(-d)) + k * (c[i] + r[i]) * (c[i] + r[i])) / divisor;
    result.chosen.push_back((-sigmoid(-d) + 2 * k * (c[i] + r[i])) / divisor);
    result.rejected.push_back((sigmoid(-d) + 2 * k * (c[i] + r[i])) / divisor);
  }
  return result;
}

ByHand dpo_by_hand(const DpoOptions& options, const LogProbPairs& pairs, double divisor) {
  ByHand result;
  const auto c = values(pairs.chosen), r = values(pairs.rejected);
  const auto rc = values(pairs.reference_chosen), rr = values(pairs.reference_rejected);
  const auto nc = values(pairs.chosen_tokens), nr = values(pairs.rejected_tokens);
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (options.form == DpoForm::ipo) {
      const double d = (c[i] - rc[i]) / nc[i] - (r[i] - rr[i]) / nr[i] - 0.5 / options.beta;
      result.value += d * d / divisor;
      result.chosen.push_back(2 * d / nc[i] / divisor);
      result.rejected.push_back(-2 * d / nr[i] / divisor);
      continue;
    }
    const double d = options.beta * (c[i] - rc[i] - r[i] + rr[i]);
    const double e = options.label_smoothing;
    result.value += ((1 - e) * std::log1p(std::exp(-d)) + e * std::log1p(std::exp(d))) / divisor;
    const double slope = options.beta * (-(1 - e) * sigmoid(-d) + e * sigmoid(d)) / divisor;
    result.chosen.push_back(slope);
    result.rejected.push_back(-slope);
  }
  return result;
}

template <class Pairs, class Loss>
void check_against(const ByHand& expected, const Pairs& pairs, const Loss& loss_of) {
  CHECK(number(loss_of(pairs)) == doctest::Approx(expected.value).epsilon(1e-12));
  const auto check_side = [&](at::Tensor Pairs::*side, const std::vector<double>& by_hand) {
    const auto as_function = [&](const at::Tensor& moved) {
      Pairs changed = pairs;
      changed.*side = moved;
      return loss_of(changed);
    };
    const at::Tensor gradient = gradient_of(as_function, pairs.*side);
    CHECK(greatest_difference(gradient, doubles(by_hand, {kPairs})) < 1e-12);
    CHECK(greatest_difference(gradient, finite_differences(as_function, pairs.*side)) < 1e-7);
  };
  check_side(&Pairs::chosen, expected.chosen);
  check_side(&Pairs::rejected, expected.rejected);
}

}  // namespace

TEST_SUITE("preference losses") {
  TEST_CASE("reward models: value and gradient are those of the formula") {
    for (const bool margins : {false, true}) {
      for (const double center : {0.0, 0.01, 0.7}) {
        CAPTURE(margins);
        CAPTURE(center);
        const RewardModelOptions options{.center_coefficient = center};
        const RewardPairs pairs = random_rewards(3, margins);
        check_against(reward_by_hand(options, pairs, 9.0), pairs, [&](const RewardPairs& p) {
          return reward_model_loss(options, p, 9.0).total;
        });
      }
    }
  }

  TEST_CASE("DPO, smoothed DPO and IPO: value and gradient are those of the formulas") {
    for (const DpoOptions options : {DpoOptions{}, DpoOptions{.beta = 0.3, .label_smoothing = 0.2},
                                     DpoOptions{.form = DpoForm::ipo, .beta = 0.4}}) {
      CAPTURE(options.beta);
      const LogProbPairs pairs = random_log_probs(4);
      check_against(dpo_by_hand(options, pairs, 6.0), pairs,
                    [&](const LogProbPairs& p) { return dpo_loss(options, p, 6.0).total; });
    }
  }

  TEST_CASE("a policy that is the reference has loss log 2 and reward 0, and yet a gradient") {
    LogProbPairs pairs = random_log_probs(5);
    pairs.chosen = pairs.reference_chosen.clone().requires_grad_();
    pairs.rejected = pairs.reference_rejected;
    const PairLoss loss = dpo_loss({.beta = 0.1}, pairs, kPairs);
    CHECK(number(loss.total) == doctest::Approx(std::log(2.0)));
    CHECK(number(loss.margin) == 0.0);
    CHECK(number(loss.correct) == 0.0);
    loss.total.backward();
    CHECK(greatest_difference(pairs.chosen.grad(),
                              at::ones_like(pairs.rejected) * (-0.05 / kPairs)) < 1e-12);
  }

  TEST_CASE("smoothing by one half forgets which side was chosen") {
    const LogProbPairs pairs = random_log_probs(6);
    LogProbPairs swapped = pairs;
    std::swap(swapped.chosen, swapped.rejected);
    std::swap(swapped.reference_chosen, swapped.reference_rejected);
    const DpoOptions half{.label_smoothing = 0.5};
    CHECK(number(dpo_loss(half, pairs, 6.0).total) ==
          doctest::Approx(number(dpo_loss(half, swapped, 6.0).total)));
  }

  TEST_CASE("only differences of rewards count, until they are centred") {
    const RewardPairs pairs = random_rewards(7);
    RewardPairs moved = pairs;
    moved.chosen = moved.chosen + 5.0;
    moved.rejected = moved.rejected + 5.0;
    CHECK(number(reward_model_loss({}, moved, 6.0).total) ==
          doctest::Approx(number(reward_model_loss({}, pairs, 6.0).total)));
    CHECK(number(reward_model_loss({.center_coefficient = 0.01}, moved, 6.0).total) >
          number(reward_model_loss({.center_coefficient = 0.01}, pairs, 6.0).total));
  }

  TEST_CASE("micro-batches add up to the batch, and so do the counts") {
    const RewardPairs all = random_rewards(8);
    const PairLoss whole = reward_model_loss({.center_coefficient = 0.1}, all, kPairs);
    double total = 0.0, correct = 0.0, margin = 0.0;
    for (std::int64_t first = 0; first < kPairs; first += 2) {
      const RewardPairs part{.chosen = all.chosen.narrow(0, first, 2),
                             .rejected = all.rejected.narrow(0, first, 2),
                             .margins = all.margins.narrow(0, first, 2)};
      const PairLoss loss = reward_model_loss({.center_coefficient = 0.1}, part, kPairs);
      total += number(loss.total);
      correct += number(loss.correct);
      margin += number(loss.margin);
    }
    CHECK(total == doctest::Approx(number(whole.total)));
    CHECK(correct == number(whole.correct));
    CHECK(margin == doctest::Approx(number(whole.margin)));
    CHECK(margin == doctest::Approx(number(all.chosen.sum()) - number(all.rejected.sum())));
  }

  TEST_CASE("log-probs far apart stay finite in single precision") {
    const auto side = [](double value) {
      return at::ones_like(doubles({0}, {1})).to(at::kFloat) * value;
    };
    const LogProbPairs pairs{.chosen = side(-4000),
                             .rejected = side(0),
                             .reference_chosen = side(0),
                             .reference_rejected = side(-4000)};
    CHECK(dpo_loss({}, pairs, 1.0).total.item<float>() == doctest::Approx(800.0));
  }

  TEST_CASE("sides of unequal length are refused") {
    RewardPairs pairs = random_rewards(9);
    pairs.rejected = pairs.rejected.narrow(0, 0, 3);
    CHECK_THROWS_WITH_AS(reward_model_loss({}, pairs, 1.0), doctest::Contains("rejected"), Error);
    LogProbPairs log_probs = random_log_probs(9);
    log_probs.reference_chosen = at::Tensor();
    CHECK_THROWS_WITH_AS(dpo_loss({}, log_probs, 1.0), doctest::Contains("reference_chosen"),
                         Error);
  }
}
