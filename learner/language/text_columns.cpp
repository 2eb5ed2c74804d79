#include "learner/language/text_columns.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "rl/algorithms/group_advantages.h"
#include "rl/core/shuffle.h"

namespace rl {
namespace {

// By tokens: texts that begin alike are neighbours, and the model reads a beginning once. Texts
// that are equal stay as they lie.
bool reads_before(const LearningText* a, const LearningText* b) {
  const auto order = a->episode.tokens <=> b->episode.tokens;
  return order != 0 ? order < 0 : a < b;
}

}  // namespace

at::Tensor column(const Texts& texts, const std::vector<float> LearningText::*values,
                  at::Device device) {
  std::int64_t count = 0;
  for (const LearningText* text : texts) count += static_cast<std::int64_t>((text->*values).size());
  const at::Tensor result = at::empty({count}, at::kFloat);
  auto* next = result.mutable_data_ptr<float>();
  for (const LearningText* text : texts) next = std::ranges::copy(text->*values, next).out;
  return result.to(device);
}

std::vector<Texts> minibatches(std::vector<LearningText>& texts, std::size_t count,
                               RngStream& order) {
  count = std::max<std::size_t>(std::min(count, texts.size()), 1);
  Texts all;
  for (LearningText& text : texts) all.push_back(&text);
  if (count > 1) shuffle(std::span(all), order);
  std::vector<Texts> parts;
  for (std::size_t m = 0; m < count; ++m) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(m * all.size() / count);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>((m + 1) * all.size() / count);
    parts.emplace_back(begin, end);
    std::ranges::sort(parts.back(), reads_before);
  }
  return parts;
}

WeightedTexts::WeightedTexts(const Texts& minibatch, Aggregation aggregation,
                             std::size_t max_new_tokens) {
  std::vector<std::size_t> lengths;
  std::size_t begin = 0;
  for (LearningText* text : minibatch) {
    lengths.push_back(text->learning_tokens());
    if (!text->learns) continue;
    learning_.push_back(text);
    begin_[text] = begin;
    begin += lengths.back();
  }
  weights_ = token_weights(aggregation, lengths, max_new_tokens);
}

at::Tensor WeightedTexts::weights(const Texts& part, at::Device device) const {
  std::int64_t count = 0;
  for (const LearningText* text : part) count += static_cast<std::int64_t>(text->sampled_tokens());
  const at::Tensor result = at::empty({count}, at::kFloat);
  auto* next = result.mutable_data_ptr<float>();
  for (const LearningText* text : part) {
    const double* first = weights_.data() + begin_.at(text);
    next = std::transform(first, first + text->sampled_tokens(), next,
                          [](double value) { return static_cast<float>(value); });
  }
  return result.to(device);
}

}  // namespace rl
