#include "rl/algorithms/language_policy.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>

#include "support/torch_doctest.h"

#include <cmath>

#include "algorithms/tensors.h"
#include "rl/algorithms/group_advantages.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

const std::vector<std::size_t> kLengths{5, 1, 7, 3};
constexpr std::size_t kTokens = 16;

struct Example {
  LanguagePolicyBatch batch;
  at::Tensor log_probs;
};

Example random_example(std::uint64_t seed, Aggregation aggregation = Aggregation::token_mean) {
  RngStream stream(seed, RngRole::test, 0);
  const auto count = static_cast<std::int64_t>(kTokens);
  Example example;
  example.batch.old_log_probs = random_normal(stream, {count}, 0.5) - 2.0;
  example.batch.sampler_log_probs =
      example.batch.old_log_probs + random_normal(stream, {count}, 0.3);
  example.batch.reference_log_probs =
      example.batch.old_log_probs + random_normal(stream, {count}, 0.5);
  example.batch.advantages = random_normal(stream, {count});
  example.batch.weights = doubles(token_weights(aggregation, kLengths, 9), {count});
  std::vector<double> sequences;
  for (std::size_t i = 0; i < kLengths.size(); ++i) sequences.insert(sequences.end(), kLengths[i], double(i));
  example.batch.sequences = doubles(sequences, {count}).to(at::kLong);
  example.batch.num_sequences = 4;
  example.log_probs = (example.batch.old_log_probs + random_normal(stream, {count}, 0.4))
                          .detach()
                          .requires_grad_();
  return example;
}

double at(const at::Tensor& tensor, std::size_t i) {
  return tensor[static_cast<std::int64_t>(i)].item<double>();
}

struct ByHand {
  double value = 0.0;
  std::vector<double> gradient = std::vector<double>(kTokens, 0.0);
};

// Ratio of every token, as the page defines it.
std::vector<double> ratios(const LanguagePolicyOptions& options, const Example& example) {
  std::vector<double> r(kTokens);
  std::size_t begin = 0;
  for (const std::size_t length : kLengths) {
    double mean = 0.0;
    for (std::size_t t = begin; t < begin + length; ++t) {
      const double d = at(example.log_probs, t) - at(example.batch.old_log_probs, t);
      r[t] = std::exp(d);
      mean += d / static_cast<double>(length);
    }
    if (options.ratio == RatioForm::sequence_clip) {
      for (std::size_t t = begin; t < begin + length; ++t) r[t] = std::exp(mean);
    }
    begin += length;
  }
  return r;
}

ByHand by_hand(const LanguagePolicyOptions& options, const Example& example) {
  ByHand result;
  const auto r = ratios(options, example);
  for (std::size_t t = 0; t < kTokens; ++t) {
    const double a = at(example.batch.advantages, t);
    const double log_prob = at(example.log_probs, t);
    double value = 0.0, slope = 0.0;
    if (options.ratio == RatioForm::truncated) {
      value = -std::min(r[t], options.truncation_cap) * a * log_prob;
      slope = -std::min(r[t], options.truncation_cap) * a;
    } else {
      const double bounded = std::clamp(r[t], 1.0 - options.clip_low, 1.0 + options.clip_high);
      value = -std::min(r[t] * a, bounded * a);
      slope = r[t] * a <= bounded * a ? -r[t] * a : 0.0;
      if (options.dual_clip > 0.0 && a < 0.0 && value > -options.dual_clip * a) {
        value = -options.dual_clip * a;
        slope = 0.0;
      }
    }
    double correction = 1.0;
    if (options.importance_cap > 0.0) {
      correction = std::min(std::exp(at(example.batch.old_log_probs, t) -
                                     at(example.batch.sampler_log_probs, t)),
                            options.importance_cap);
    }
    const double d = log_prob - at(example.batch.reference_log_probs, t);
    double kl = 0.0, kl_slope = 0.0;
    if (options.kl_estimator == KlEstimator::k1) kl = d, kl_slope = 1.0;
    if (options.kl_estimator == KlEstimator::k2) kl = d * d / 2, kl_slope = d;
    if (options.kl_estimator == KlEstimator::k3) {
      kl = std::exp(-d) - 1.0 + d;
      kl_slope = 1.0 - std::exp(-d);
    }
    const double weight = at(example.batch.weights, t);
    const double beta = options.kl_in_reward ? 0.0 : options.kl_coefficient;
    result.value += weight * (value * correction + beta * kl);
    result.gradient[t] = weight * (slope * correction + beta * kl_slope);
  }
  return result;
}

void check_by_hand(const LanguagePolicyOptions& options, Aggregation aggregation) {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    const Example example = random_example(seed, aggregation);
    const ByHand expected = by_hand(options, example);
    const auto loss = language_policy_loss(options, example.batch, example.log_probs);
    CHECK(loss.total.item<double>() == doctest::Approx(expected.value).epsilon(1e-12));
    loss.total.backward();
    for (std::size_t t = 0; t < kTokens; ++t) {
      CHECK(at(example.log_probs.grad(), t) ==
            doctest::Approx(expected.gradient[t]).epsilon(1e-12));
    }
  }
}

}  // namespace

TEST_SUITE("language_policy_loss") {
  TEST_CASE("value and gradient equal the formulas written out, for every preset and aggregation") {
    for (const char* name : {"grpo", "dr-grpo", "dapo", "rloo", "gspo", "cispo"}) {
      for (const Aggregation aggregation : {Aggregation::sequence_mean, Aggregation::token_mean,
                                            Aggregation::constant_length}) {
        CAPTURE(name);
        check_by_hand(language_policy_preset(name), aggregation);
      }
    }
  }

  TEST_CASE("value and gradient equal the formulas with KL of every kind and the dual clip") {
    for (const KlEstimator estimator : {KlEstimator::k1, KlEstimator::k2, KlEstimator::k3}) {
      LanguagePolicyOptions options;
      options.kl_estimator = estimator;
      options.kl_coefficient = 0.3;
      options.dual_clip = 1.1;
      options.clip_high = 0.4;
      check_by_hand(options, Aggregation::token_mean);
    }
  }

  TEST_CASE("at ratio 1 every form has the plain policy gradient") {
    for (const char* name : {"grpo", "gspo", "cispo"}) {
      CAPTURE(name);
      Example example = random_example(3);
      example.batch.sampler_log_probs = at::Tensor();
      example.batch.reference_log_probs = at::Tensor();
      example.log_probs = example.batch.old_log_probs.clone().requires_grad_();
      const auto loss =
          language_policy_loss(language_policy_preset(name), example.batch, example.log_probs);
      loss.total.backward();
      const at::Tensor expected = -example.batch.advantages * example.batch.weights;
      CHECK((example.log_probs.grad() - expected).abs().max().item<double>() < 1e-12);
      CHECK(loss.ratio_min.item<double>() == 1.0);
      CHECK(loss.ratio_max.item<double>() == 1.0);
    }
  }

  TEST_CASE("zero advantages give a zero gradient without KL") {
    Example example = random_example(4);
    example.batch.advantages = at::zeros_like(example.batch.advantages);
    const auto loss = language_policy_loss({}, example.batch, example.log_probs);
    loss.total.backward();
    CHECK(loss.total.item<double>() == 0.0);
    CHECK(example.log_probs.grad().abs().max().item<double>() == 0.0);
  }

  TEST_CASE("the loss is the sum of its micro-batches, however sequences are split") {
    for (const char* name : {"grpo", "dr-grpo", "dapo", "gspo"}) {
      const LanguagePolicyOptions options = language_policy_preset(name);
      const Example whole = random_example(5, options.aggregation);
      const auto total = language_policy_loss(options, whole.batch, whole.log_probs);
      double sum = 0.0;
      std::int64_t begin = 0;
      for (const std::size_t size : kLengths) {
        const std::int64_t end = begin + static_cast<std::int64_t>(size);
        const auto part = [&](const at::Tensor& tensor) { return tensor.slice(0, begin, end); };
        LanguagePolicyBatch batch = whole.batch;
        for (at::Tensor* tensor :
             {&batch.old_log_probs, &batch.sampler_log_probs, &batch.reference_log_probs,
              &batch.advantages, &batch.weights}) {
          *tensor = part(*tensor);
        }
        batch.sequences = at::zeros_like(part(whole.batch.sequences));
        batch.num_sequences = 1;
        sum += language_policy_loss(options, batch, part(whole.log_probs)).total.item<double>();
        begin = end;
      }
      CHECK(sum == doctest::Approx(total.total.item<double>()).epsilon(1e-12));
    }
  }

  TEST_CASE("clip fractions count the sides that are cut off") {
    Example example = random_example(6);
    example.batch.advantages = at::ones_like(example.batch.advantages);
    const auto loss = language_policy_loss({}, example.batch, example.log_probs);
    double above = 0.0;
    for (const double r : ratios({}, example)) above += r > 1.2 ? 1.0 / kTokens : 0.0;
    CHECK(loss.clip_high_fraction.item<double>() == doctest::Approx(above));
    CHECK(loss.clip_low_fraction.item<double>() == 0.0);
    CHECK(loss.sampler_difference.item<double>() > 0.0);
  }

  TEST_CASE("huge log-prob differences stay finite") {
    Example example = random_example(7);
    example.log_probs = (example.batch.old_log_probs + 500.0).detach().requires_grad_();
    const auto loss = language_policy_loss({}, example.batch, example.log_probs);
    loss.total.backward();
    CHECK(std::isfinite(loss.total.item<double>()));
    CHECK(example.log_probs.grad().isfinite().all().item<bool>());
  }

  TEST_CASE("another length is refused by name") {
    Example example = random_example(8);
    example.batch.advantages = example.batch.advantages.slice(0, 0, 3);
    CHECK_THROWS_WITH_AS(language_policy_loss({}, example.batch, example.log_probs),
                         doctest::Contains("advantages"), Error);
  }
}
