#include "rl/algorithms/language_value.h"

#include "support/torch_doctest.h"

#include <cmath>

#include "algorithms/tensors.h"
#include "rl/algorithms/group_advantages.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

const std::vector<std::size_t> kLengths{5, 1, 7, 3};
constexpr std::int64_t kTokens = 16;

struct Example {
  LanguageValueBatch batch;
  at::Tensor values;
};

Example random_example(std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 0);
  Example example;
  example.batch.old_values = random_normal(stream, {kTokens});
  example.batch.returns = random_normal(stream, {kTokens});
  example.batch.weights =
      doubles(token_weights(Aggregation::token_mean, kLengths, 0), {kTokens});
  example.values = example.batch.old_values + random_normal(stream, {kTokens}, 0.3);
  return example;
}

LanguageValueBatch part(const LanguageValueBatch& batch, std::int64_t begin, std::int64_t count) {
  return {batch.old_values.narrow(0, begin, count), batch.returns.narrow(0, begin, count),
          batch.weights.narrow(0, begin, count)};
}

double entry(const at::Tensor& tensor, std::int64_t t) { return tensor[t].item<double>(); }

}  // namespace

TEST_SUITE("language_value_loss") {
  TEST_CASE("value, gradient and clip fraction are the formula written out") {
    for (const double clip : {0.0, 0.1, 0.2}) {
      for (std::uint64_t seed = 1; seed < 6; ++seed) {
        const Example example = random_example(seed);
        const at::Tensor values = example.values.clone().requires_grad_();
        const LanguageValueLoss loss = language_value_loss(clip, example.batch, values);
        loss.total.backward();
        double total = 0.0, clipped = 0.0;
        for (std::int64_t t = 0; t < kTokens; ++t) {
          const double old = entry(example.batch.old_values, t);
          const double wanted = entry(example.batch.returns, t);
          const double value = entry(values.detach(), t);
          double error = (value - wanted) * (value - wanted);
          double slope = value - wanted;
          const double moved = std::clamp(value - old, -clip, clip);
          const double bounded = old + moved - wanted;
          if (clip > 0.0 && bounded * bounded > error) {
            error = bounded * bounded;
            slope = moved == value - old ? bounded : 0.0;
            clipped += 1.0;
          }
          total += 0.5 * error / 16.0;
          CHECK(entry(values.grad(), t) == doctest::Approx(slope / 16.0).epsilon(1e-12));
        }
        CHECK(loss.total.item<double>() == doctest::Approx(total).epsilon(1e-12));
        CHECK(loss.clip_fraction.item<double>() == doctest::Approx(clipped / 16.0));
      }
    }
  }

  TEST_CASE("gradients equal finite differences") {
    for (const double clip : {0.0, 0.2}) {
      const Example example = random_example(9);
      const auto loss = [&](const at::Tensor& values) {
        return language_value_loss(clip, example.batch, values).total;
      };
      CHECK(greatest_difference(gradient_of(loss, example.values),
                                finite_differences(loss, example.values)) < 1e-8);
    }
  }

  TEST_CASE("how the tokens are cut into parts changes nothing") {
    const Example example = random_example(10);
    const double whole =
        language_value_loss(0.2, example.batch, example.values).total.item<double>();
    double sum = 0.0;
    std::int64_t begin = 0;
    for (const std::int64_t count : {1, 9, 6}) {
      sum += language_value_loss(0.2, part(example.batch, begin, count),
                                 example.values.narrow(0, begin, count)).total.item<double>();
      begin += count;
    }
    CHECK(sum == doctest::Approx(whole).epsilon(1e-14));
  }

  TEST_CASE("values that are right have no loss and no gradient") {
    Example example = random_example(11);
    example.batch.old_values = example.batch.returns;
    const at::Tensor values = example.batch.returns.clone().requires_grad_();
    const LanguageValueLoss loss = language_value_loss(0.2, example.batch, values);
    loss.total.backward();
    CHECK(loss.total.item<double>() == 0.0);
    CHECK(values.grad().abs().max().item<double>() == 0.0);
  }

  TEST_CASE("another length is refused by name") {
    Example example = random_example(12);
    example.batch.returns = example.batch.returns.narrow(0, 0, 3);
    CHECK_THROWS_WITH_AS(language_value_loss(0.2, example.batch, example.values),
                         doctest::Contains("returns has the wrong shape"), Error);
    example = random_example(12);
    example.batch.old_values = at::Tensor();
    CHECK_NOTHROW(language_value_loss(0.0, example.batch, example.values));
    CHECK_THROWS_AS(language_value_loss(0.2, example.batch, example.values), Error);
  }
}
