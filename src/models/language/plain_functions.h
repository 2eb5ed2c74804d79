// LibTorch's operations, any device and floating type.
#pragma once

#include "src/models/language/functions.h"

namespace rl::lm {

class PlainFunctions : public Functions {
 public:
  at::Tensor embed(const Network& network, const Batch& batch) const override;
  at::Tensor normalise(const at::Tensor& x, const NormWeights& norm) const override;
  std::vector<at::Tensor> project(const at::Tensor& x,
                                  std::span<const Linear* const> linears) const override;
  at::Tensor rotate(const at::Tensor& heads,
                    const std::shared_ptr<const Batch>& batch) const override;
  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const std::shared_ptr<const Batch>& batch, float scale) const override;
  at::Tensor silu_multiply(const at::Tensor& gate, const at::Tensor& up) const override;
  at::Tensor gelu(const at::Tensor& x) const override;
  at::Tensor add(const at::Tensor& a, const at::Tensor& b) const override;
  TokenLogProbs score(const at::Tensor& hidden, const at::Tensor& targets, const Weight& head,
                      float inverse_temperature, std::int64_t chunk_rows) const override;
};

}  // namespace rl::lm
