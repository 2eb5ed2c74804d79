#include "learner/language/critic.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "learner/language/policy_setup.h"
#include "learner/language/text_columns.h"
#include "rl/algorithms/critic_advantages.h"
#include "rl/algorithms/language_value.h"
#include "rl/algorithms/ppo.h"

namespace rl {
namespace {

constexpr const char* kPrefix = "critic.";

Texts learning_texts(std::vector<LearningText>& texts) {
  Texts learning;
  for (LearningText& text : texts) {
    if (text.learns) learning.push_back(&text);
  }
  return learning;
}

void append(std::vector<double>& to, const auto& values) {
  to.insert(to.end(), values.begin(), values.end());
}

// The next values of `from` as a column of the text.
void take(const std::vector<double>& from, std::size_t begin, std::size_t count,
          std::vector<float>& column) {
  column.assign(from.begin() + static_cast<std::ptrdiff_t>(begin),
                from.begin() + static_cast<std::ptrdiff_t>(begin + count));
}

double mean_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

struct Critic::Sums {
  double tokens = 0.0, clipped = 0.0;
  double steps = 0.0, loss = 0.0, gradient_norm = 0.0;

  std::map<std::string, double> metrics() const {
    std::map<std::string, double> result;
    if (tokens > 0.0) result["critic/clip_fraction"] = clipped / tokens;
    if (steps > 0.0) {
      result["critic/loss"] = loss / steps;
      result["critic/gradient_norm"] = gradient_norm / steps;
    }
    return result;
  }
};

Critic::Critic(const LanguageTrainOptions& options, const CriticStart& start,
               const LanguageModelOptions& model, at::Device device)
    : options_(options.critic),
      kl_coefficient_(options.policy.kl_in_reward ? options.policy.kl_coefficient : 0.0),
      epochs_(options.policy.epochs),
      minibatches_(options.policy.minibatches),
      micro_batch_tokens_(options.micro_batch_tokens),
      model_(start.config, start.weights, device, model),
      adam_(model_.parameters(), adam_options(options)) {}

// The value before a sampled token is that of the token on its left.
void Critic::predict(const Texts& texts) const {
  const c10::NoGradGuard no_graph;
  for (const Texts& part : split_texts(texts, micro_batch_tokens_)) {
    const PackedTexts packed = pack_texts(part, model_.parameters().device());
    const at::Tensor values =
        model_.values(packed.tokens).index_select(0, packed.rows).to(at::kCPU);
    const float* next = values.const_data_ptr<float>();
    for (LearningText* text : part) {
      text->values.assign(next, next + text->sampled_tokens());
      next += text->sampled_tokens();
    }
  }
}

std::map<std::string, double> Critic::judge(std::vector<LearningText>& texts) const {
  const Texts learning = learning_texts(texts);
  if (learning.empty()) return {};
  predict(learning);
  std::vector<std::size_t> lengths;
  std::vector<double> scores, kl, values;
  for (const LearningText* text : learning) {
    lengths.push_back(text->sampled_tokens());
    const bool unfinished = text->episode.truncated;
    scores.push_back(text->reward - (unfinished ? options_.missing_stop_penalty : 0.0));
    append(kl, kl_parts(*text));
    append(values, text->values);
  }
  const CriticAdvantages judged = critic_advantages(
      options_, kl_coefficient_,
      {.lengths = lengths, .scores = scores, .kl = kl, .values = values});
  std::size_t begin = 0;
  for (LearningText* text : learning) {
    take(judged.advantages, begin, text->sampled_tokens(), text->advantages);
    take(judged.returns, begin, text->sampled_tokens(), text->returns);
    begin += text->sampled_tokens();
  }
  const at::Tensor predicted = column(learning, &LearningText::values, at::kCPU);
  const at::Tensor returns = column(learning, &LearningText::returns, at::kCPU);
  return {{"critic/value_mean", mean_of(values)},
          {"critic/return_mean", mean_of(judged.returns)},
          {"critic/explained_variance", explained_variance(predicted, returns)},
          {"reward/shaped_mean", mean_of(judged.rewards) * static_cast<double>(values.size()) /
                                     static_cast<double>(learning.size())}};
}

CriticOutcome Critic::learn(std::vector<LearningText>& texts, double learning_rate,
                            RngStream order) {
  CriticOutcome outcome;
  Sums sums;
  for (std::size_t epoch = 0; epoch < epochs_; ++epoch) {
    for (const Texts& minibatch : minibatches(texts, minibatches_, order)) {
      step(minibatch, learning_rate, sums, outcome);
    }
  }
  outcome.metrics = sums.metrics();
  outcome.metrics["critic/learning_rate"] = learning_rate;
  return outcome;
}

void Critic::step(const Texts& minibatch, double learning_rate, Sums& sums,
                  CriticOutcome& outcome) {
  const WeightedTexts weighted(minibatch, Aggregation::token_mean, 0);
  if (weighted.learning().empty()) return;
  const at::Device device = model_.parameters().device();
  const at::Tensor total = at::zeros({}, at::TensorOptions().device(device).dtype(at::kFloat));
  model_.parameters().gradients().zero_();
  for (const Texts& part : split_texts(weighted.learning(), micro_batch_tokens_)) {
    const PackedTexts packed = pack_texts(part, device);
    const at::Tensor values = model_.values(packed.tokens).index_select(0, packed.rows);
    const LanguageValueLoss loss = language_value_loss(
        options_.value_clip,
        {.old_values = column(part, &LearningText::values, device),
         .returns = column(part, &LearningText::returns, device),
         .weights = weighted.weights(part, device)},
        values);
    loss.total.backward();
    total.add_(loss.total.detach());
    const auto count = static_cast<double>(values.numel());
    sums.tokens += count;
    sums.clipped += count * loss.clip_fraction.item<double>();
  }
  const Adam::Step done = adam_.step(total, learning_rate);
  if (!done.applied) {
    ++outcome.skipped_steps;
    return;
  }
  ++outcome.gradient_steps;
  sums.steps += 1.0;
  sums.loss += total.item<double>();
  sums.gradient_norm += done.gradient_norm;
}

void Critic::put(StateDict& state) const {
  const Parameters& parameters = model_.parameters();
  parameters.put(state, kPrefix, parameters.values());
  adam_.put(state, kPrefix);
}

Critic::State Critic::read(const SafetensorsView& image) const {
  return {.values = model_.parameters().read(image, kPrefix), .adam = adam_.read(image, kPrefix)};
}

void Critic::set(State state) {
  model_.parameters().values().copy_(state.values);
  adam_.set(std::move(state.adam));
}

}  // namespace rl
