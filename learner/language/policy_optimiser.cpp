#include "learner/language/policy_optimiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace rl {
namespace {

at::Tensor sequence_numbers(const Texts& texts, at::Device device) {
  std::int64_t count = 0;
  for (const LearningText* text : texts) count += static_cast<std::int64_t>(text->sampled_tokens());
  const at::Tensor result = at::empty({count}, at::kLong);
  auto* next = result.mutable_data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    next = std::fill_n(next, texts[i]->sampled_tokens(), static_cast<std::int64_t>(i));
  }
  return result.to(device);
}

// Whether the text's loss has a gradient.
bool teaches(const LanguagePolicyOptions& options, const LearningText& text) {
  const bool kl_term = options.kl_coefficient > 0.0 && !options.kl_in_reward;
  if (!text.learns) return false;
  if (kl_term && !text.reference_log_probs.empty()) return true;
  return std::ranges::any_of(text.advantages, [](float value) { return value != 0.0F; });
}

double number(const at::Tensor& value) { return value.item<double>(); }

}  // namespace

struct PolicyOptimiser::Sums {
  double tokens = 0.0;
  double entropy = 0.0, clip_low = 0.0, clip_high = 0.0, ratio = 0.0;
  double ratio_min = std::numeric_limits<double>::infinity();
  double ratio_max = -std::numeric_limits<double>::infinity();
  // p_old / p_sampler, before its cap.
  double corrected_tokens = 0.0, importance = 0.0;
  double importance_min = std::numeric_limits<double>::infinity(), importance_max = 0.0;
  // Against the sampler, before the first step only.
  double unmoved_tokens = 0.0, difference = 0.0, difference_max = 0.0;
  double steps = 0.0, loss = 0.0, kl = 0.0, gradient_norm = 0.0;

  void add(const LanguagePolicyLoss& parts, const at::Tensor& entropies) {
    const auto count = static_cast<double>(entropies.numel());
    tokens += count;
    entropy += number(entropies.sum());
    clip_low += count * number(parts.clip_low_fraction);
    clip_high += count * number(parts.clip_high_fraction);
    ratio += count * number(parts.ratio_mean);
    ratio_min = std::min(ratio_min, number(parts.ratio_min));
    ratio_max = std::max(ratio_max, number(parts.ratio_max));
    kl += number(parts.kl.detach());
  }

  void add_importance(const LanguagePolicyBatch& batch) {
    const at::Tensor weights = (batch.old_log_probs - batch.sampler_log_probs).exp();
    corrected_tokens += static_cast<double>(weights.numel());
    importance += number(weights.sum());
    importance_min = std::min(importance_min, number(weights.min()));
    importance_max = std::max(importance_max, number(weights.max()));
  }

  void add_difference(const at::Tensor& differences) {
    unmoved_tokens += static_cast<double>(differences.numel());
    difference += number(differences.sum());
    difference_max = std::max(difference_max, number(differences.max()));
  }

  std::map<std::string, double> metrics() const {
    std::map<std::string, double> result{{"learner/tokens", tokens}};
    if (steps > 0.0) {
      result["loss/policy"] = loss / steps;
      result["policy/kl"] = kl / steps;
      result["gradient_norm"] = gradient_norm / steps;
    }
    if (tokens > 0.0) {
      result["policy/entropy"] = entropy / tokens;
      result["policy/clip_low"] = clip_low / tokens;
      result["policy/clip_high"] = clip_high / tokens;
      result["policy/ratio_min"] = ratio_min;
      result["policy/ratio_mean"] = ratio / tokens;
      result["policy/ratio_max"] = ratio_max;
    }
    if (corrected_tokens > 0.0) {
      result["policy/importance_min"] = importance_min;
      result["policy/importance_mean"] = importance / corrected_tokens;
      result["policy/importance_max"] = importance_max;
    }
    if (unmoved_tokens > 0.0) {
      result["policy/sampler_difference"] = difference / unmoved_tokens;
      result["policy/sampler_difference_max"] = difference_max;
    }
    return result;
  }
};

PolicyOutcome PolicyOptimiser::run(std::vector<LearningText>& texts, double learning_rate,
                                   bool sampler_apart, RngStream order) {
  PolicyOutcome outcome;
  Sums sums;
  for (std::size_t epoch = 0; epoch < options_.policy.epochs; ++epoch) {
    for (const Texts& minibatch : minibatches(texts, options_.policy.minibatches, order)) {
      step(minibatch, learning_rate, sampler_apart, sums, outcome);
    }
  }
  outcome.metrics = sums.metrics();
  return outcome;
}

LanguagePolicyBatch PolicyOptimiser::batch_of(const Texts& texts, const WeightedTexts& weighted,
                                              bool sampler_apart) const {
  const at::Device device = model_.parameters().device();
  LanguagePolicyBatch batch;
  batch.old_log_probs = column(texts, &LearningText::old_log_probs, device);
  if (sampler_apart) {
    batch.sampler_log_probs = column(texts, &LearningText::sampler_log_probs, device);
  }
  if (!texts.front()->reference_log_probs.empty()) {
    batch.reference_log_probs = column(texts, &LearningText::reference_log_probs, device);
  }
  batch.advantages = column(texts, &LearningText::advantages, device);
  batch.sequences = sequence_numbers(texts, device);
  batch.num_sequences = static_cast<std::int64_t>(texts.size());
  batch.weights = weighted.weights(texts, device);
  return batch;
}

at::Tensor PolicyOptimiser::pass(const Texts& part, const WeightedTexts& weighted,
                                 const Pass& how, Sums& sums) {
  const c10::AutoGradMode graph(how.learns);
  const at::Device device = model_.parameters().device();
  const PackedTexts packed = pack_texts(part, device);
  const TokenLogProbs scores = model_.token_log_probs(model_.hidden(packed.tokens), packed.targets,
                                                      options_.temperature);
  const at::Tensor log_probs = scores.log_probs.index_select(0, packed.rows);
  const LanguagePolicyBatch batch = batch_of(part, weighted, how.sampler_apart);
  if (options_.policy.aggregation == Aggregation::micro_batch_mean) {
    batch.weights.fill_(1.0 / static_cast<double>(batch.weights.numel() * how.num_parts));
  }
  const LanguagePolicyLoss loss = language_policy_loss(options_.policy, batch, log_probs);
  if (how.sampler_apart) sums.add_importance(batch);
  if (how.learns) loss.total.backward();
  sums.add(loss, scores.entropy.index_select(0, packed.rows));
  if (how.unmoved) {
    const at::Tensor sampled = column(part, &LearningText::sampler_log_probs, device);
    sums.add_difference((log_probs.detach() - sampled).abs());
  }
  return loss.total.detach();
}

void PolicyOptimiser::step(const Texts& minibatch, double learning_rate, bool sampler_apart,
                           Sums& sums, PolicyOutcome& outcome) {
  const WeightedTexts weighted(minibatch, options_.policy.aggregation, options_.max_new_tokens);
  Texts learning, only_measured;
  for (LearningText* text : weighted.learning()) {
    (teaches(options_.policy, *text) ? learning : only_measured).push_back(text);
  }
  if (learning.empty()) {
    ++outcome.idle_steps;
    return;
  }
  if (options_.policy.aggregation == Aggregation::micro_batch_mean) {
    learning = weighted.learning();  // every text counts in the mean of its micro-batch
    only_measured.clear();
  }
  const std::vector<Texts> parts = split_texts(learning, options_.micro_batch_tokens);
  Pass how{.learns = true,
           .sampler_apart = sampler_apart,
           .unmoved = outcome.gradient_steps + outcome.skipped_steps == 0,
           .num_parts = parts.size()};
  const at::Device device = model_.parameters().device();
  const at::Tensor total = at::zeros({}, at::TensorOptions().device(device).dtype(at::kFloat));
  model_.parameters().gradients().zero_();
  for (const Texts& part : parts) total.add_(pass(part, weighted, how, sums));
  how.learns = false;
  for (const Texts& part : split_texts(only_measured, options_.micro_batch_tokens)) {
    total.add_(pass(part, weighted, how, sums));
  }
  const Adam::Step done = adam_.step(total, learning_rate);
  if (!done.applied) {
    ++outcome.skipped_steps;
    return;
  }
  ++outcome.gradient_steps;
  sums.steps += 1.0;
  sums.loss += number(total);
  sums.gradient_norm += done.gradient_norm;
}

}  // namespace rl
