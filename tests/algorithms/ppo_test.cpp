#include "rl/algorithms/ppo.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>

#include "support/torch_doctest.h"

#include <cmath>

#include "algorithms/tensors.h"
#include "rl/algorithms/distributions.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

struct Example {
  PpoBatch batch;
  PpoEvaluation evaluation;
};

Example random_example(std::uint64_t seed, std::int64_t steps = 16) {
  RngStream stream(seed, RngRole::test, 0);
  const at::Tensor log_probs = random_normal(stream, {steps}, 0.5) - 1.0;
  return {{log_probs, random_normal(stream, {steps}), random_normal(stream, {steps}),
           random_normal(stream, {steps})},
          {log_probs + random_normal(stream, {steps}, 0.3), random_normal(stream, {steps}).abs(),
           random_normal(stream, {steps})}};
}

PpoOptions plain_options() {
  PpoOptions options;
  options.normalise_advantages = false;
  return options;
}

}  // namespace

TEST_SUITE("ppo_loss") {
  TEST_CASE("losses and gradients equal the golden numbers of the reference formulas") {
    for (const char* name : {"ppo_plain.txt", "ppo_clipped_values.txt"}) {
      CAPTURE(name);
      const auto golden = read_golden(name);
      PpoOptions options;
      options.clip = golden.at("clip")[0];
      options.value_clip = golden.at("value_clip")[0];
      options.entropy_coefficient = golden.at("entropy_coefficient")[0];
      options.value_coefficient = golden.at("value_coefficient")[0];
      options.normalise_advantages = golden.at("normalise")[0] > 0.0;
      const auto column = [&](const char* key) { return doubles(golden.at(key), {12}); };
      const at::Tensor logits = doubles(golden.at("logits"), {12, 3}).requires_grad_();
      const at::Tensor values = column("new_values").requires_grad_();
      const at::Tensor actions = column("actions").to(at::kLong).unsqueeze(1);
      const std::vector<std::int64_t> categories{3};
      const ActionEvaluation evaluation = evaluate_categorical(logits, actions, categories, {});
      const PpoLoss loss = ppo_loss(
          options,
          {column("log_probs"), column("advantages"), column("returns"), column("values")},
          {evaluation.log_probs, evaluation.entropy, values});
      loss.total.backward();
      CHECK(loss.total.item<double>() == doctest::Approx(golden.at("total")[0]).epsilon(1e-12));
      CHECK(loss.policy.item<double>() == doctest::Approx(golden.at("policy")[0]).epsilon(1e-12));
      CHECK(loss.value.item<double>() == doctest::Approx(golden.at("value")[0]).epsilon(1e-12));
      CHECK(loss.entropy.item<double>() ==
            doctest::Approx(golden.at("entropy")[0]).epsilon(1e-12));
      CHECK(loss.approximate_kl.item<double>() ==
            doctest::Approx(golden.at("kl")[0]).epsilon(1e-10));
      CHECK(loss.clip_fraction.item<double>() ==
            doctest::Approx(golden.at("clip_fraction")[0]).epsilon(1e-6));
      CHECK(greatest_difference(logits.grad(), doubles(golden.at("logit_gradients"), {12, 3})) <
            1e-14);
      CHECK(greatest_difference(values.grad(), column("value_gradients")) < 1e-14);
    }
  }

  TEST_CASE("gradients equal finite differences, clipped and unclipped") {
    for (const double value_clip : {0.0, 0.2}) {
      for (const bool normalise : {false, true}) {
        CAPTURE(value_clip);
        CAPTURE(normalise);
        PpoOptions options;
        options.value_clip = value_clip;
        options.normalise_advantages = normalise;
        const Example example = random_example(3);
        const auto by_log_probs = [&](const at::Tensor& input) {
          return ppo_loss(options, example.batch,
                          {input, example.evaluation.entropy, example.evaluation.values})
              .total;
        };
        const auto by_values = [&](const at::Tensor& input) {
          return ppo_loss(options, example.batch,
                          {example.evaluation.log_probs, example.evaluation.entropy, input})
              .total;
        };
        const auto by_entropy = [&](const at::Tensor& input) {
          return ppo_loss(options, example.batch,
                          {example.evaluation.log_probs, input, example.evaluation.values})
              .total;
        };
        const PpoEvaluation& at = example.evaluation;
        CHECK(greatest_difference(gradient_of(by_log_probs, at.log_probs),
                                  finite_differences(by_log_probs, at.log_probs)) < 1e-8);
        CHECK(greatest_difference(gradient_of(by_values, at.values),
                                  finite_differences(by_values, at.values)) < 1e-8);
        CHECK(greatest_difference(gradient_of(by_entropy, at.entropy),
                                  finite_differences(by_entropy, at.entropy)) < 1e-8);
      }
    }
  }

  TEST_CASE("with ratio one the policy loss is minus the mean advantage") {
    Example example = random_example(4);
    example.evaluation.log_probs = example.batch.log_probs;
    const PpoLoss loss = ppo_loss(plain_options(), example.batch, example.evaluation);
    CHECK(loss.policy.item<double>() ==
          doctest::Approx(-example.batch.advantages.mean().item<double>()));
    CHECK(loss.approximate_kl.item<double>() == 0.0);
    CHECK(loss.clip_fraction.item<double>() == 0.0);
  }

  TEST_CASE("without advantages the policy has no gradient") {
    Example example = random_example(5);
    example.batch.advantages = at::zeros_like(example.batch.advantages);
    const at::Tensor log_probs = example.evaluation.log_probs.clone().requires_grad_();
    ppo_loss(PpoOptions(), example.batch,
             {log_probs, example.evaluation.entropy, example.evaluation.values})
        .total.backward();
    CHECK(log_probs.grad().abs().max().item<double>() == 0.0);
  }

  TEST_CASE("a ratio beyond the clip stops the gradient only where that would gain") {
    for (const double advantage : {1.0, -1.0}) {
      for (const double log_ratio : {0.5, -0.5}) {
        CAPTURE(advantage);
        CAPTURE(log_ratio);
        Example example = random_example(6, 1);
        example.batch.advantages = at::ones_like(example.batch.advantages) * advantage;
        const at::Tensor log_probs =
            (example.batch.log_probs + log_ratio).clone().requires_grad_();
        ppo_loss(plain_options(), example.batch,
                 {log_probs, example.evaluation.entropy, example.evaluation.values})
            .total.backward();
        const bool stopped = advantage * log_ratio > 0.0;
        CHECK((log_probs.grad().item<double>() == 0.0) == stopped);
      }
    }
  }

  TEST_CASE("entropy pulls the total down and errors of the values push it up") {
    const Example example = random_example(7);
    PpoOptions options = plain_options();
    options.entropy_coefficient = 0.0;
    options.value_coefficient = 0.0;
    const PpoLoss bare = ppo_loss(options, example.batch, example.evaluation);
    CHECK(bare.total.item<double>() == bare.policy.item<double>());
    options.entropy_coefficient = 0.1;
    const PpoLoss with_entropy = ppo_loss(options, example.batch, example.evaluation);
    CHECK(with_entropy.total.item<double>() < bare.total.item<double>());
    options.value_coefficient = 1.0;
    const PpoLoss with_value = ppo_loss(options, example.batch, example.evaluation);
    CHECK(with_value.total.item<double>() > with_entropy.total.item<double>());
  }

  TEST_CASE("columns of different lengths are refused by name") {
    Example example = random_example(8);
    example.batch.returns = example.batch.returns.narrow(0, 0, 3);
    CHECK_THROWS_WITH_AS(ppo_loss(PpoOptions(), example.batch, example.evaluation),
                         doctest::Contains("batch.returns"), Error);
    example = random_example(8);
    example.evaluation.values = example.evaluation.values.unsqueeze(1);
    CHECK_THROWS_WITH_AS(ppo_loss(PpoOptions(), example.batch, example.evaluation),
                         doctest::Contains("evaluation.values"), Error);
  }

  TEST_CASE("normalised advantages have mean 0 and deviation 1, one alone is 0") {
    RngStream stream(9, RngRole::test, 0);
    const at::Tensor normal = normalised_advantages(random_normal(stream, {64}, 5.0) + 3.0);
    CHECK(normal.mean().item<double>() == doctest::Approx(0.0));
    CHECK(normal.std().item<double>() == doctest::Approx(1.0));
    CHECK(normalised_advantages(doubles({4.0}, {1})).item<double>() == 0.0);
  }

  TEST_CASE("explained variance is 1 for perfect, 0 for constant and negative for bad values") {
    const at::Tensor returns = doubles({1.0, 2.0, 3.0, 4.0}, {4});
    CHECK(explained_variance(returns, returns) == doctest::Approx(1.0));
    CHECK(explained_variance(at::ones_like(returns), returns) == doctest::Approx(0.0));
    CHECK(explained_variance(-returns, returns) < 0.0);
    CHECK(std::isnan(explained_variance(returns, at::ones_like(returns))));
  }
}
