#include "src/models/language/device_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <utility>
#include <vector>

#include "src/models/language/packing.h"
#include "src/models/language/plain_functions.h"
#include "src/models/language/transformer_layers.h"

namespace rl::lm {
namespace {

// LibTorch's functions with attention over the cache, for one pass: the layers ask in their order.
class CachedFunctions final : public PlainFunctions {
 public:
  CachedFunctions(const DeviceCache& cache, const CachePlan& plan) : cache_(cache), plan_(plan) {}

  at::Tensor embed(const Network& network, const Batch& batch) const override {
    return PlainFunctions::embed(network, batch).to(at::kFloat);
  }
  // Products in the type of the matrix, biases in f32.
  std::vector<at::Tensor> project(const at::Tensor& x,
                                  std::span<const Linear* const> linears) const override {
    std::vector<at::Tensor> outputs;
    for (const Linear* linear : linears) {
      const at::Tensor& matrix = linear->weight.value;
      at::Tensor y = at::linear(x.to(matrix.scalar_type()), matrix);
      if (linear->bias.value.defined()) y = y + linear->bias.value;
      outputs.push_back(std::move(y));
    }
    return outputs;
  }
  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const std::shared_ptr<const Batch>&, float scale) const override {
    return plan_.attend(cache_, layer_++, query, key, value, static_cast<double>(scale));
  }

 private:
  const DeviceCache& cache_;
  const CachePlan& plan_;
  mutable std::int64_t layer_ = 0;
};

std::vector<std::int64_t> tokens_of(std::span<const language::TokenSpan> spans) {
  std::vector<std::int64_t> tokens;
  for (const language::TokenSpan& span : spans) {
    tokens.insert(tokens.end(), span.tokens.begin(), span.tokens.end());
  }
  return tokens;
}

}  // namespace

DeviceModel::DeviceModel(const language::ModelConfig& config,
                         const language::ModelWeights& weights, at::Device device,
                         const language::GeneratorOptions& options,
                         std::unique_ptr<StepGraphs> graphs)
    : device_(device),
      max_sequences_(options.max_sequences),
      team_(options.threads),
      ops_(team_),
      weights_(config, weights, device),
      graphs_(std::move(graphs)) {
  if (config.learned_positions) return;
  const language::RotaryTable table(config, config.context);
  cos_ = rotary_rows(table.cos, table.half).to(device, at::kFloat, false, /*copy=*/true);
  sin_ = rotary_rows(table.sin, table.half).to(device, at::kFloat, false, /*copy=*/true);
}

void DeviceModel::set_weights(const language::ModelWeights& weights) {
  const bool stayed = weights_.exchange(weights);
  if (!stayed && captured_) captured_->start_anew();
}

std::unique_ptr<language::PageMemory> DeviceModel::make_pages(const language::PageShape& shape) {
  const at::ScalarType type =
      weights_.network().layers.front().key.weight.value.scalar_type();
  cache_.emplace(shape, static_cast<std::int64_t>(config().key_value_heads),
                 at::TensorOptions().device(device_).dtype(type));
  if (graphs_) {
    captured_.emplace(
        CapturedDecode::Limits{.sequences = max_sequences_, .context = config().context,
                               .vocabulary = config().vocabulary},
        *cache_,
        std::move(graphs_), [this](const at::Tensor& tokens, const CachePlan& plan) {
          return logits_of(hidden_of(tokens, plan));
        });
  }
  return device_pages(*cache_);
}

at::Tensor DeviceModel::hidden_of(const at::Tensor& tokens, const CachePlan& plan) const {
  const auto batch = std::make_shared<Batch>();
  batch->tokens = tokens;
  batch->positions = plan.positions();
  if (cos_.defined()) {
    batch->cos = cos_.index_select(0, plan.positions());
    batch->sin = sin_.index_select(0, plan.positions());
  }
  return forward_hidden(CachedFunctions(*cache_, plan), weights_.network(), batch, {});
}

at::Tensor DeviceModel::logits_of(const at::Tensor& hidden) const {
  const at::Tensor& head = weights_.network().head.value;
  return at::linear(hidden.to(head.scalar_type()), head);
}

void DeviceModel::forward(std::span<const language::TokenSpan> spans, std::size_t,
                          std::span<const std::size_t> wanted_rows, float* logits) {
  const c10::NoGradGuard no_graph;
  const bool all_wanted = wanted_rows.size() == spans.size();
  if (captured_ && all_wanted && captured_->takes(spans)) return captured_->run(spans, logits);
  const CachePlan plan(spans, *cache_);
  const at::Tensor hidden = hidden_of(at::tensor(tokens_of(spans)).to(device_), plan);
  if (wanted_rows.empty()) return;
  const std::vector<std::int64_t> rows(wanted_rows.begin(), wanted_rows.end());
  const at::Tensor chosen = logits_of(hidden.index_select(0, at::tensor(rows).to(device_)));
  at::from_blob(logits, chosen.sizes(), at::kFloat).copy_(chosen);
}

void DeviceModel::score(const float* logits, std::size_t rows, float inverse_temperature,
                        const std::int32_t* tokens, language::TokenScore* scores) {
  ops_.score(logits, rows, config().vocabulary, inverse_temperature, tokens, scores);
}

}  // namespace rl::lm
