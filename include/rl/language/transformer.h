// The forward pass on the CPU: tokens and a cache in, logits out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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
};

// Consecutive new tokens of one sequence, at positions first_position and following; what is before
// must be in the cache already.
struct TokenSpan {
  std::span<const std::int32_t> tokens;
  std::size_t first_position = 0;
  SequenceCache cache;
};

// Threads: one call at a time per object. Weights are referenced, not copied.
class Transformer {
 public:
  // `positions`: most positions of any sequence (at most config.context). Throws Error when weights
  // and configuration do not fit; f16 weights are widened to f32.
  Transformer(const ModelConfig& config, ModelWeights weights, std::size_t positions, Ops ops);

  void set_weights(ModelWeights weights);  // same configuration; throws Error and keeps the old

  // Fills the caches and writes the logits [wanted, vocabulary] of the rows whose numbers are in
  // `wanted_rows` (rows of all spans are numbered in order).
  void forward(std::span<const TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits);

  const ModelConfig& config() const { return config_; }
  const Ops& ops() const { return ops_; }

 private:
  struct Linear {
    const void* weight = nullptr;
    DType dtype = DType::f32;
    const float* bias = nullptr;
  };
  struct NormWeights {
    const float* weight = nullptr;
    const float* bias = nullptr;
  };
  struct Layer {
    NormWeights attention_norm, mlp_norm;
    Linear query, key, value, output, gate, up, down;
    const float* query_norm = nullptr;
    const float* key_norm = nullptr;
  };
  struct Rows;  // one call's tokens, positions and scratch

  void bind(const ModelWeights& weights);
  void embed(const Rows& rows);
  void attend(const Layer& layer, std::size_t index, Rows& rows);
  void feed_forward(const Layer& layer, const Rows& rows);
  void normalise(const NormWeights& norm, const float* x, std::size_t rows, float* y) const;
  void multiply(const Linear& linear, const float* x, std::size_t rows, std::size_t inner,
                std::size_t outputs, float* y) const;

  ModelConfig config_;
  ModelWeights weights_;
  Ops ops_;
  RotaryTable rotary_;
  std::vector<Layer> layers_;
  NormWeights final_norm_;
  const void* embedding_ = nullptr;
  DType embedding_dtype_ = DType::f32;
  const float* positions_ = nullptr;  // learned
  Linear head_;
  // Scratch, grown to the largest call: [rows, width] each.
  std::vector<float> hidden_, normed_, query_, key_, value_, attended_, gate_, up_;
};

}  // namespace rl::language
