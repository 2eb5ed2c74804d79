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

// Sequences end to end, checked, and what the layers need to know about their rows. N tokens have R
// rows: R = N, unless sequences share rows (shared_rows.h); for LibTorch's operations they do not.
struct Batch {
  at::Tensor tokens;                          // [N] i64, on the model's device
  at::Tensor positions;                       // [N] i64, the same
  std::vector<std::int64_t> token_list;       // of the rows, on the CPU
  std::vector<std::int32_t> position_list;    // of the rows
  std::vector<std::int64_t> lengths, starts;  // of the sequences, in tokens
  std::vector<std::int64_t> shared;           // of every sequence: tokens with rows of those before
  std::vector<std::int64_t> first_rows;       // of every sequence: the first row of its own
  std::vector<std::int64_t> row_list;         // every token's row; empty when each has its own
  at::Tensor row_numbers, first_tokens;       // then [N] and [R] i64: of the tokens, of the rows
  std::int64_t longest = 0;
  std::shared_ptr<const language::RotaryTable> rotary;
  at::Tensor cos, sin;                        // [N, head_dim / 2] f32, for LibTorch's operations

  bool shares_rows() const { return !row_list.empty(); }
  std::int64_t num_rows() const { return static_cast<std::int64_t>(token_list.size()); }
};

}  // namespace rl::lm
