#include "rl/algorithms/distributions.h"

#include <ATen/ops/empty.h>

#include "support/torch_doctest.h"

#include <cmath>
#include <vector>

#include "algorithms/tensors.h"
#include "rl/policies/distribution.h"

using namespace rl;
using namespace rl::tests;

namespace {

constexpr std::int64_t kRows = 50;

std::vector<float> floats(const at::Tensor& row) {
  const at::Tensor values = row.to(at::kFloat).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

// Values that a float holds exactly, so that both sides see the same numbers.
at::Tensor as_floats(const at::Tensor& tensor) { return tensor.to(at::kFloat).to(at::kDouble); }

double at_row(const at::Tensor& tensor, std::int64_t row) { return tensor[row].item<double>(); }

}  // namespace

TEST_SUITE("torch distributions") {
  TEST_CASE("multi-discrete choices score as on the worker, with and without masks") {
    RngStream stream(1, RngRole::test, 0);
    const std::vector<std::int64_t> categories{3, 4};
    const at::Tensor logits = as_floats(random_normal(stream, {kRows, 7}, 3.0));
    for (const bool masked : {false, true}) {
      CAPTURE(masked);
      at::Tensor mask;
      if (masked) mask = random_categories(stream, {kRows, 7}, 2);
      if (masked) mask.narrow(1, 0, 1).fill_(1), mask.narrow(1, 3, 1).fill_(1);
      at::Tensor actions = at::empty({kRows, 2}, at::kLong);
      std::vector<double> log_probs;
      std::vector<double> entropies;
      for (std::int64_t r = 0; r < kRows; ++r) {
        const std::vector<float> row = floats(logits[r]);
        std::vector<std::uint8_t> allowed;
        for (std::int64_t c = 0; masked && c < 7; ++c) {
          allowed.push_back(static_cast<std::uint8_t>(mask[r][c].item<std::int64_t>()));
        }
        const MultiDiscrete choice(row, categories, allowed);
        const std::span<std::int64_t> action(actions.mutable_data_ptr<std::int64_t>() + 2 * r, 2);
        choice.sample(stream, action);
        log_probs.push_back(choice.log_prob(std::span<const std::int64_t>(action)));
        entropies.push_back(choice.entropy());
      }
      const ActionEvaluation evaluation = evaluate_categorical(
          logits, actions, categories, masked ? mask.to(at::kBool) : at::Tensor());
      CHECK(greatest_difference(evaluation.log_probs, doubles(log_probs, {kRows})) < 1e-6);
      CHECK(greatest_difference(evaluation.entropy, doubles(entropies, {kRows})) < 1e-6);
    }
  }

  TEST_CASE("a forbidden category has no gradient") {
    const std::vector<std::int64_t> categories{3};
    const at::Tensor mask = doubles({1, 0, 1}, {1, 3}).to(at::kBool);
    const at::Tensor actions = doubles({2}, {1, 1}).to(at::kLong);
    const at::Tensor gradient = gradient_of(
        [&](const at::Tensor& logits) {
          const auto evaluation = evaluate_categorical(logits, actions, categories, mask);
          return (evaluation.log_probs + evaluation.entropy).sum();
        },
        doubles({0.3, 5.0, -0.2}, {1, 3}));
    CHECK(gradient[0][1].item<double>() == 0.0);
    CHECK(gradient[0][0].item<double>() != 0.0);
  }

  TEST_CASE("normal actions score as on the worker") {
    RngStream stream(2, RngRole::test, 0);
    const at::Tensor means = as_floats(random_normal(stream, {kRows, 3}));
    const at::Tensor log_std = as_floats(random_normal(stream, {3}, 0.5));
    const at::Tensor actions = as_floats(random_normal(stream, {kRows, 3}));
    const ActionEvaluation evaluation = evaluate_gaussian(means, log_std, actions);
    const std::vector<float> deviation = floats(log_std);
    for (std::int64_t r = 0; r < kRows; ++r) {
      const std::vector<float> mean = floats(means[r]);
      const std::vector<float> action = floats(actions[r]);
      const DiagonalGaussian normal(mean, deviation);
      CHECK(at_row(evaluation.log_probs, r) ==
            doctest::Approx(normal.log_prob(std::span<const float>(action))).epsilon(1e-9));
      CHECK(at_row(evaluation.entropy, r) == doctest::Approx(normal.entropy()).epsilon(1e-9));
    }
  }

  TEST_CASE("squashed actions score as on the worker, also near their bounds") {
    for (const double scale : {0.5, 6.0}) {
      CAPTURE(scale);
      RngStream stream(3, RngRole::test, 0);
      const at::Tensor outputs = as_floats(random_normal(stream, {kRows, 4}, scale));
      const std::vector<double> low{-2.0, 0.0};
      const std::vector<double> high{2.0, 5.0};
      const SquashedRange range{doubles(low, {2}), doubles(high, {2}), -5.0, 2.0};
      at::Tensor actions = at::empty({kRows, 2}, at::kFloat);
      std::vector<double> log_probs;
      for (std::int64_t r = 0; r < kRows; ++r) {
        const std::vector<float> mean = floats(outputs[r].narrow(0, 0, 2));
        const std::vector<float> log_std = floats(outputs[r].narrow(0, 2, 2).clamp(-5.0, 2.0));
        const SquashedGaussian squashed(mean, log_std, low, high);
        const std::span<float> action(actions.mutable_data_ptr<float>() + 2 * r, 2);
        squashed.sample(stream, action);
        log_probs.push_back(squashed.log_prob(std::span<const float>(action)));
      }
      const ActionEvaluation wide = evaluate_squashed_gaussian(outputs, actions, range);
      const at::Tensor expected = doubles(log_probs, {kRows});
      const at::Tensor tolerance = 1e-6 * (1.0 + expected.abs());
      CHECK(((wide.log_probs - expected).abs() < tolerance).all().item<bool>());
    }
  }

  TEST_CASE("log-probabilities and entropies are differentiated correctly") {
    RngStream stream(4, RngRole::test, 0);
    const std::vector<std::int64_t> categories{2, 3};
    at::Tensor choices = random_categories(stream, {4, 2}, 2);
    const auto categorical = [&](const at::Tensor& logits) {
      const auto evaluation = evaluate_categorical(logits, choices, categories, {});
      return (evaluation.log_probs * 0.7 + evaluation.entropy).sum();
    };
    const at::Tensor logits = random_normal(stream, {4, 5});
    CHECK(greatest_difference(gradient_of(categorical, logits),
                              finite_differences(categorical, logits)) < 1e-8);

    const at::Tensor actions = random_normal(stream, {4, 2}).tanh();
    const SquashedRange range{doubles({-1, -1}, {2}), doubles({1, 1}, {2}), -3.0, 2.0};
    const auto squashed = [&](const at::Tensor& outputs) {
      const auto evaluation = evaluate_squashed_gaussian(outputs, actions, range);
      return (evaluation.log_probs * 0.7 + evaluation.entropy).sum();
    };
    const at::Tensor outputs = random_normal(stream, {4, 4});
    CHECK(greatest_difference(gradient_of(squashed, outputs),
                              finite_differences(squashed, outputs)) < 1e-7);

    const at::Tensor means = random_normal(stream, {4, 2});
    const auto gaussian = [&](const at::Tensor& log_std) {
      const auto evaluation = evaluate_gaussian(means, log_std, actions);
      return (evaluation.log_probs * 0.7 + evaluation.entropy).sum();
    };
    const at::Tensor log_std = random_normal(stream, {2});
    CHECK(greatest_difference(gradient_of(gaussian, log_std),
                              finite_differences(gaussian, log_std)) < 1e-7);
  }
}
