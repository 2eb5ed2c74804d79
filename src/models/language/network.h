// The tensors of a language model in the order that the forward pass takes them.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/language/ops.h"

namespace rl::lm {

// A weight and the place its gradient is added to; both undefined when the model has none, the
// gradient alone when the weight is frozen. For LibTorch's own operations the value is a leaf whose
// grad() is that place.
struct Weight {
  at::Tensor value;
  at::Tensor gradient;
};

// Low-rank learners beside a frozen matrix: a [rank, in], b [out, rank].
struct Adapter {
  Weight a, b;
  double scale = 0.0;  // alpha / rank; 0: none
};

struct Linear {
  Weight weight;  // [out, in]; for the exact functions with the adapter merged in
  Weight bias;
  Adapter adapter{};
};

struct NormWeights {
  Weight weight;
  Weight bias;     // of a layer norm
  bool centred = false;  // layer norm: the mean is taken away
  double epsilon = 0.0;
};

struct Layer {
  NormWeights attention_norm, mlp_norm, query_norm, key_norm;
  Linear query, key, value, output, gate, up, down;
};

struct Network {
  language::ModelConfig config;
  Weight embedding;
  Weight positions;  // learned ones
  std::vector<Layer> layers;
  NormWeights final_norm;
  Weight head;       // the embedding's own value and gradient when tied
};

// Where make_network finds what model_parameters names.
struct TensorSource {
  std::function<Weight(const std::string& name)> weight;
  std::function<Adapter(const std::string& module)> adapter;  // a matrix's name without ".weight"
};
Network make_network(const language::ModelConfig& config, const TensorSource& source);

// Sequences end to end, checked, and what the layers need to know about their rows.
struct Batch {
  at::Tensor tokens;                          // [N] i64, on the model's device
  at::Tensor positions;                       // [N] i64, the same
  std::vector<std::int64_t> token_list;       // on the CPU
  std::vector<std::int32_t> position_list;
  std::vector<std::int64_t> lengths, starts;  // of the sequences
  std::int64_t longest = 0;
  std::shared_ptr<const language::RotaryTable> rotary;
  at::Tensor cos, sin;                        // [N, head_dim / 2] f32, for LibTorch's operations
};

}  // namespace rl::lm
