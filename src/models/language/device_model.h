// A language model whose forward pass is LibTorch's, for the text generator.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "rl/language/logit_model.h"
#include "src/models/language/cache_plan.h"
#include "src/models/language/captured_decode.h"
#include "src/models/language/device_cache.h"
#include "src/models/language/device_network.h"
#include "src/models/language/step_graph.h"

namespace rl::lm {

class DeviceModel final : public language::LogitModel {
 public:
  // `options` are resolved ones. Passes of single tokens become graphs when `graphs` makes them.
  // Throws Error when weights and configuration do not fit.
  DeviceModel(const language::ModelConfig& config, const language::ModelWeights& weights,
              at::Device device, const language::GeneratorOptions& options,
              std::unique_ptr<StepGraphs> graphs);

  const language::ModelConfig& config() const override { return weights_.network().config; }
  language::ThreadTeam& team() override { return team_; }
  void set_weights(const language::ModelWeights& weights) override;
  std::unique_ptr<language::PageMemory> make_pages(const language::PageShape& shape) override;
  void forward(std::span<const language::TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits) override;
  void score(const float* logits, std::size_t rows, float inverse_temperature,
             const std::int32_t* tokens, language::TokenScore* scores) override;

 private:
  at::Tensor hidden_of(const at::Tensor& tokens, const CachePlan& plan) const;
  at::Tensor logits_of(const at::Tensor& hidden) const;

  at::Device device_;
  std::size_t max_sequences_;
  language::ThreadTeam team_;
  language::Ops ops_;
  at::Tensor cos_, sin_;  // [context, head_dim / 2]; undefined with learned positions
  DeviceNetwork weights_;
  std::unique_ptr<StepGraphs> graphs_;  // until there is a cache to record passes over
  std::optional<DeviceCache> cache_{};
  std::optional<CapturedDecode> captured_{};
};

}  // namespace rl::lm
