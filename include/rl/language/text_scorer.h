// What a model says of texts that it did not write: log-probs of given tokens.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/text/tokenizer.h"

namespace rl::language {

// Threads: one call at a time per object. Weights are referenced, not copied.
class TextScorer {
 public:
  // Throws Error when weights and configuration do not fit, and for a model without a head for
  // language.
  TextScorer(const ModelConfig& config, const ModelWeights& weights, std::size_t threads);
  ~TextScorer();

  // Of tokens[first], tokens[first + 1], ... given all before them, at temperature 1: the bits with
  // which this model would sample them. Throws Error unless 1 <= first <= tokens.size() <=
  // context + 1 (nothing follows the last one) and all ids are of the vocabulary.
  std::vector<float> log_probs(std::span<const text::TokenId> tokens, std::size_t first);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl::language
