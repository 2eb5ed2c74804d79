// Sampled tokens of several texts as tensors, and texts in minibatches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <vector>

#include "learner/language/text_scoring.h"
#include "rl/algorithms/language_options.h"
#include "rl/core/rng.h"

namespace rl {

// One column of all sampled tokens, text after text.
at::Tensor column(const Texts& texts, const std::vector<float> LearningText::*values,
                  at::Device device);

// One pass over all texts, cut in at most `count` parts; more than one are shuffled first. In each
// texts that begin alike are neighbours: the model reads what they have in common once.
std::vector<Texts> minibatches(std::vector<LearningText>& texts, std::size_t count,
                               RngStream& order);

// The texts of a minibatch that learn, and token_weights() of their tokens.
class WeightedTexts {
 public:
  WeightedTexts(const Texts& minibatch, Aggregation aggregation, std::size_t max_new_tokens);

  const Texts& learning() const { return learning_; }
  // Of a part of them, text after text.
  at::Tensor weights(const Texts& part, at::Device device) const;

 private:
  Texts learning_;
  std::vector<double> weights_;
  std::map<const LearningText*, std::size_t> begin_;
};

}  // namespace rl
