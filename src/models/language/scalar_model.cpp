#include "rl/models/scalar_model.h"

#include <array>

#include "src/models/language/trunk.h"

namespace rl {

struct ScalarModel::Implementation {
  lm::Trunk trunk;
  lm::Linear head;
};

ScalarModel::ScalarModel(const language::ModelConfig& config,
                         const language::ModelWeights& weights, at::Device device,
                         const LanguageModelOptions& options)
    : implementation_(new Implementation{
          .trunk{language::with_scalar_head(config), language::with_scalar_head(config, weights),
                 device, options},
          .head{}}) {
  implementation_->head.weight = implementation_->trunk.network().head;
}

ScalarModel::~ScalarModel() = default;

Parameters& ScalarModel::parameters() { return implementation_->trunk.parameters(); }
const Parameters& ScalarModel::parameters() const { return implementation_->trunk.parameters(); }
const language::ModelConfig& ScalarModel::config() const { return implementation_->trunk.config(); }
const LanguageModelOptions& ScalarModel::options() const {
  return implementation_->trunk.options();
}

at::Tensor ScalarModel::values(const PackedTokens& batch) const {
  lm::Trunk& trunk = implementation_->trunk;
  const std::array<const lm::Linear*, 1> head{&implementation_->head};
  return trunk.functions().project(trunk.hidden(batch), head)[0].squeeze(1);
}

language::ModelWeights ScalarModel::snapshot() const { return implementation_->trunk.snapshot(); }

}  // namespace rl
