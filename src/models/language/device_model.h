// A language model whose forward pass is LibTorch's, for the text generator.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "rl/language/logit_model.h"
#include "src/models/language/device_cache.h"
#include "src/models/language/network.h"

namespace rl::lm {

class DeviceModel final : public language::LogitModel {
 public:
  // `threads`: of the team that samples. Throws Error when weights and configuration do not fit.
  DeviceModel(const language::ModelConfig& config, const language::ModelWeights& weights,
              at::Device device, std::size_t threads);

  const language::ModelConfig& config() const override { return network_.config; }
  language::ThreadTeam& team() override { return team_; }
  void set_weights(const language::ModelWeights& weights) override;
  std::unique_ptr<language::PageMemory> make_pages(const language::PageShape& shape) override;
  void forward(std::span<const language::TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits) override;
  void score(const float* logits, std::size_t rows, float inverse_temperature,
             const std::int32_t* tokens, language::TokenScore* scores) override;

 private:
  std::shared_ptr<const Batch> batch_of(std::span<const language::TokenSpan> spans,
                                        const CachePlan& plan) const;

  at::Device device_;
  language::ThreadTeam team_;
  language::Ops ops_;
  at::Tensor cos_, sin_;  // [context, head_dim / 2]; undefined with learned positions
  Network network_;
  std::optional<DeviceCache> cache_{};
};

}  // namespace rl::lm
