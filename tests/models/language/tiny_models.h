// Small models of every family with weights that matter, and batches for them.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/model_weights.h"
#include "rl/models/language_model.h"

namespace rl::testing {

struct TinyModel {
  std::string name;
  language::ModelConfig config;
};

inline language::ModelConfig tiny_llama() {
  language::ModelConfig config;
  config.family = language::Family::llama;
  config.vocabulary = 53;
  config.hidden = 24;
  config.layers = 2;
  config.query_heads = 4;
  config.key_value_heads = 2;
  config.head_dim = 10;
  config.intermediate = 36;
  config.context = 64;
  return config;
}

inline std::vector<TinyModel> tiny_models() {
  language::ModelConfig llama = tiny_llama();
  language::ModelConfig qwen2 = tiny_llama();
  qwen2.family = language::Family::qwen2;
  qwen2.qkv_bias = true;
  qwen2.tied_head = true;
  qwen2.head_dim = 6;
  language::ModelConfig qwen3 = tiny_llama();
  qwen3.family = language::Family::qwen3;
  qwen3.query_key_norm = true;
  qwen3.tied_head = true;
  qwen3.key_value_heads = 1;
  qwen3.head_dim = 16;
  language::ModelConfig gpt2 = tiny_llama();
  gpt2.family = language::Family::gpt2;
  gpt2.key_value_heads = 4;
  gpt2.head_dim = 6;
  gpt2.norm = language::Norm::layer;
  gpt2.activation = language::Activation::gelu_tanh;
  gpt2.gated_mlp = false;
  gpt2.qkv_bias = gpt2.output_bias = gpt2.mlp_bias = true;
  gpt2.learned_positions = true;
  gpt2.tied_head = true;
  return {{"llama", llama}, {"qwen2", qwen2}, {"qwen3", qwen3}, {"gpt2", gpt2}};
}

// Uniform in +-scale, the same on every machine.
inline void fill_random(const at::Tensor& tensor, std::uint64_t seed, double scale = 1.0) {
  RngStream stream(seed, RngRole::test, 0);
  const at::Tensor values = at::empty(tensor.sizes(), at::kDouble);
  double* data = values.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = stream.uniform(-scale, scale);
  tensor.copy_(values);
}

// Weights far from their initialisation: norms around 1, biases not 0.
inline language::ModelWeights lively_weights(const language::ModelConfig& config,
                                             std::uint64_t seed) {
  LanguageModel model(config, language::random_weights(config, seed), at::kCPU, {.threads = 1});
  Parameters& parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const at::Tensor noise = at::empty(parameters.value(i).sizes());
    fill_random(noise, seed * 1000 + i, 0.4);
    parameters.value(i).add_(noise);
  }
  return model.snapshot();
}

inline PackedTokens packed_tokens(const std::vector<std::int64_t>& lengths, std::size_t vocabulary,
                                  std::uint64_t seed) {
  std::int64_t count = 0;
  for (const std::int64_t length : lengths) count += length;
  PackedTokens packed{at::empty({count}, at::kLong), lengths};
  RngStream stream(seed, RngRole::test, 1);
  std::int64_t* ids = packed.tokens.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    ids[i] = static_cast<std::int64_t>(stream.below(vocabulary));
  }
  return packed;
}

// Samples of one prompt: the same 12 tokens, then others; the third is where the second began, the
// fourth is the third again, and the last begins otherwise.
inline PackedTokens samples_of_a_prompt(std::size_t vocabulary, std::uint64_t seed) {
  PackedTokens packed = packed_tokens({20, 31, 16, 16, 12, 9}, vocabulary, seed);
  const auto tokens = [&](std::int64_t first, std::int64_t count) {
    return packed.tokens.narrow(0, first, count);
  };
  tokens(20, 12).copy_(tokens(0, 12));
  tokens(51, 16).copy_(tokens(20, 16));
  tokens(67, 16).copy_(tokens(20, 16));
  tokens(83, 12).copy_(tokens(0, 12));
  return packed;
}

// The next token of every row, -1 at the end of a sequence.
inline at::Tensor next_tokens(const PackedTokens& packed) {
  const at::Tensor targets = packed.tokens.roll(-1);
  std::int64_t end = 0;
  for (const std::int64_t length : packed.lengths) {
    end += length;
    targets.mutable_data_ptr<std::int64_t>()[end - 1] = -1;
  }
  return targets;
}

}  // namespace rl::testing
