// The forward pass on the CPU: tokens and a cache in, logits out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/language/ops.h"

namespace rl::language {

// Where the keys and values of one sequence are: for every layer, pages of
// [page_size, key_value_heads, head_dim] floats. The pages belong to the caller.
struct SequenceCache {
  // [layers][pages]; pages for all positions that a call writes or attends to.
  std::span<float* const* const> key_pages;
  std::span<float* const* const> value_pages;
  std::span<const std::uint32_t> pages{};  // their numbers, for a model that has the memory itself
};

// Consecutive new tokens of one sequence, at positions first_position and following; what is before
// must be in the cache already.
struct TokenSpan {
  std::span<const std::int32_t> tokens;
  std::size_t first_position = 0;
  SequenceCache cache;
};

// What attention scores are multiplied with: 1 / sqrt(head_dim).
float attention_scale(const ModelConfig& config);

// Threads: one call at a time per object. Weights are referenced, not copied.
class Transformer {
 public:
  // `positions`: most positions of any sequence (at most config.context). Throws Error when weights
  // and configuration do not fit; f16 weights are widened to f32.
  Transformer(const ModelConfig& config, const ModelWeights& weights, std::size_t positions,
              Ops ops);
  ~Transformer();

  // Of the same configuration. Throws Error and keeps the old ones otherwise.
  void set_weights(const ModelWeights& weights);

  // Fills the caches and writes the logits [wanted, vocabulary], with a scalar head the scores
  // [wanted], of the rows whose numbers are in `wanted_rows` (rows of all spans are numbered in
  // order). Tokens are ids of the vocabulary and positions below `positions`: the caller checked.
  void forward(std::span<const TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits);

  const ModelConfig& config() const;
  const Ops& ops() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl::language
