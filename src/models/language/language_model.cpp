#include "rl/models/language_model.h"

#include <algorithm>
#include <cmath>

#include "rl/core/error.h"
#include "src/models/language/trunk.h"

namespace rl {
namespace {

constexpr std::int64_t kChunkBytes = 64 << 20;  // of logits

}  // namespace

struct LanguageModel::Implementation {
  lm::Trunk trunk;

  std::int64_t chunk_rows() const {
    const std::size_t wanted = trunk.options().head_chunk_tokens;
    if (wanted > 0) return static_cast<std::int64_t>(wanted);
    const auto row = static_cast<std::int64_t>(trunk.config().vocabulary * sizeof(float));
    return std::max<std::int64_t>(1, kChunkBytes / row);
  }
};

LanguageModel::LanguageModel(const language::ModelConfig& config,
                             const language::ModelWeights& weights, at::Device device,
                             const LanguageModelOptions& options) {
  language::require_language_head(config, "LanguageModel");
  implementation_.reset(new Implementation{.trunk{config, weights, device, options}});
}

LanguageModel::~LanguageModel() = default;

Parameters& LanguageModel::parameters() { return implementation_->trunk.parameters(); }
const Parameters& LanguageModel::parameters() const { return implementation_->trunk.parameters(); }
const language::ModelConfig& LanguageModel::config() const {
  return implementation_->trunk.config();
}
const LanguageModelOptions& LanguageModel::options() const {
  return implementation_->trunk.options();
}

at::Tensor LanguageModel::hidden(const PackedTokens& batch) const {
  return implementation_->trunk.hidden(batch);
}

TokenLogProbs LanguageModel::token_log_probs(const at::Tensor& hidden, const at::Tensor& targets,
                                             double temperature) const {
  const lm::Trunk& trunk = implementation_->trunk;
  const auto width = static_cast<std::int64_t>(trunk.config().hidden);
  const auto vocabulary = static_cast<std::int64_t>(trunk.config().vocabulary);
  if (hidden.dim() != 2 || hidden.size(1) != width || targets.dim() != 1 ||
      targets.size(0) != hidden.size(0) || targets.scalar_type() != at::kLong) {
    throw Error({.where = "LanguageModel::token_log_probs",
                 .what = "hidden or targets of another shape or type",
                 .expected = "hidden [N, " + std::to_string(width) + "] f32 and targets [N] i64",
                 .got = hidden.toString() + " with " + std::to_string(hidden.numel()) +
                        " elements and " + std::to_string(targets.numel()) + " targets"});
  }
  if (!(temperature > 0.0) || !std::isfinite(temperature)) {
    throw Error({.where = "LanguageModel::token_log_probs", .what = "temperature out of range",
                 .expected = "above 0: at 0 there is no distribution",
                 .got = std::to_string(temperature)});
  }
  if (targets.numel() > 0 && targets.max().item<std::int64_t>() >= vocabulary) {
    throw Error({.where = "LanguageModel::token_log_probs",
                 .what = "a target is outside the vocabulary",
                 .expected = "at most " + std::to_string(vocabulary - 1) + ", or negative to leave "
                             "the row out",
                 .got = std::to_string(targets.max().item<std::int64_t>())});
  }
  return trunk.functions().score(hidden.contiguous(), targets.contiguous().to(hidden.device()),
                                 trunk.network().head, static_cast<float>(1.0 / temperature),
                                 implementation_->chunk_rows());
}

language::ModelWeights LanguageModel::snapshot() const {
  return implementation_->trunk.snapshot();
}

}  // namespace rl
