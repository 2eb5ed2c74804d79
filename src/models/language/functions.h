// The differentiable operations of a transformer, in two forms.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rl/language/ops.h"
#include "rl/models/language_model.h"
#include "src/models/language/network.h"

namespace rl::lm {

// Rows are [N, ...]; heads are [N, heads, head_dim].
class Functions {
 public:
  virtual ~Functions() = default;
  virtual at::Tensor embed(const Network& network, const Batch& batch) const = 0;
  virtual at::Tensor normalise(const at::Tensor& x, const NormWeights& norm) const = 0;  // last dim
  // x times every matrix.
  virtual std::vector<at::Tensor> project(const at::Tensor& x,
                                          std::span<const Linear* const> linears) const = 0;
  virtual at::Tensor rotate(const at::Tensor& heads, const std::shared_ptr<const Batch>& batch)
      const = 0;
  // Causal within every sequence; query heads share key and value heads in groups.
  virtual at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const std::shared_ptr<const Batch>& batch, float scale) const = 0;
  virtual at::Tensor silu_multiply(const at::Tensor& gate, const at::Tensor& up) const = 0;
  virtual at::Tensor gelu(const at::Tensor& x) const = 0;
  virtual at::Tensor add(const at::Tensor& a, const at::Tensor& b) const = 0;
  // log softmax(head hidden * inverse_temperature)[target]; negative targets give 0. At most
  // chunk_rows rows of logits exist at once.
  virtual TokenLogProbs score(const at::Tensor& hidden, const at::Tensor& targets,
                              const Weight& head, float inverse_temperature,
                              std::int64_t chunk_rows) const = 0;
};

// LibTorch's operations, any device and floating type.
std::unique_ptr<Functions> plain_functions();
// The kernels of rl/language/ops.h both ways, f32 on the CPU. Adds to Weight::gradient. `ops` must
// outlive the functions and their graphs.
std::unique_ptr<Functions> exact_functions(const language::Ops& ops);

// Their parts in other files.
at::Tensor exact_attention(const language::Ops& ops, const at::Tensor& query, const at::Tensor& key,
                           const at::Tensor& value, const std::shared_ptr<const Batch>& batch,
                           float scale);
TokenLogProbs exact_score(const language::Ops& ops, const at::Tensor& hidden,
                          const at::Tensor& targets, const Weight& head,
                          float inverse_temperature, std::int64_t chunk_rows);
TokenLogProbs plain_score(const at::Tensor& hidden, const at::Tensor& targets, const Weight& head,
                          float inverse_temperature, std::int64_t chunk_rows);

}  // namespace rl::lm
