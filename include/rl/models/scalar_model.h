// A number for every token: the forward pass of rl/language with a scalar head, and gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/models/language_model.h"
#include "rl/models/parameters.h"

namespace rl {

// A decoder-only transformer with "score.weight" [1, hidden] and no bias behind its final norm, as
// transformers' *ForSequenceClassification with one label: a reward model (the value of a text is
// that of its last token) or a critic (the value of every prefix).
//
// Bits, gradients, graphs and threads are as LanguageModel's: on the CPU a value has the bits that
// rl/language/transformer.h computes with snapshot()'s weights in f32. head_chunk_tokens has no
// meaning here. With adapters the head learns beside them.
class ScalarModel {
 public:
  // Copies the weights (frozen ones in f32 are shared). Those of a language model are taken
  // without their head, and the scalar head starts at zero: all values are 0. Throws Error when
  // the weights are not the configuration's, and for options that make no sense.
  ScalarModel(const language::ModelConfig& config, const language::ModelWeights& weights,
              at::Device device, const LanguageModelOptions& options);
  ~ScalarModel();

  // What learns: all weights under the names of model_parameters, or the adapters and the head.
  Parameters& parameters();
  const Parameters& parameters() const;
  // With scalar_head, whatever it was made from.
  const language::ModelConfig& config() const;
  const LanguageModelOptions& options() const;

  // [N] f32, of every token given those before it in its sequence. Throws Error for sequences
  // longer than the context or ids outside the vocabulary.
  at::Tensor values(const PackedTokens& batch) const;

  // The weights of config() as they are now (adapters merged in), copied.
  language::ModelWeights snapshot() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl
