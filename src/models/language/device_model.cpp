#include "src/models/language/device_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <cstring>
#include <string>
#include <utility>

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

at::Tensor copy_of(const void* data, at::IntArrayRef shape, at::ScalarType type,
                   at::Device device) {
  return at::from_blob(const_cast<void*>(data), shape, type)
      .to(device, type, /*non_blocking=*/false, /*copy=*/true);
}

// Matrices keep bf16, everything else is f32.
at::Tensor on_device(const TensorView& tensor, at::Device device) {
  const std::byte* data = tensor.data.data();
  if (tensor.dtype == DType::f32) return copy_of(data, tensor.shape, at::kFloat, device);
  const bool is_matrix = tensor.shape.size() > 1;
  if (tensor.dtype == DType::bf16 && is_matrix) {
    return copy_of(data, tensor.shape, at::kBFloat16, device);
  }
  return copy_of(language::to_f32(tensor).data(), tensor.shape, at::kFloat, device);
}

Network network_of(const language::ModelConfig& config, const language::ModelWeights& weights,
                   at::Device device) {
  const language::ModelWeights checked = weights.checked(config, "make_device_generator");
  const auto weight = [&](const std::string& name) {
    return Weight{on_device(checked.require(name), device), {}};
  };
  return make_network(config, {.weight = weight, .adapter = [](const std::string&) {
                        return Adapter{};
                      }});
}

}  // namespace

DeviceModel::DeviceModel(const language::ModelConfig& config,
                         const language::ModelWeights& weights, at::Device device,
                         std::size_t threads)
    : device_(device),
      team_(threads),
      ops_(team_),
      network_(network_of(config, weights, device)) {
  if (config.learned_positions) return;
  const language::RotaryTable table(config, config.context);
  cos_ = rotary_rows(table.cos, table.half).to(device, at::kFloat, false, /*copy=*/true);
  sin_ = rotary_rows(table.sin, table.half).to(device, at::kFloat, false, /*copy=*/true);
}

void DeviceModel::set_weights(const language::ModelWeights& weights) {
  network_ = network_of(config(), weights, device_);
}

std::unique_ptr<language::PageMemory> DeviceModel::make_pages(const language::PageShape& shape) {
  const at::ScalarType type = network_.layers.front().key.weight.value.scalar_type();
  cache_.emplace(shape, static_cast<std::int64_t>(config().key_value_heads),
                 at::TensorOptions().device(device_).dtype(type));
  return device_pages(*cache_);
}

std::shared_ptr<const Batch> DeviceModel::batch_of(std::span<const language::TokenSpan> spans,
                                                   const CachePlan& plan) const {
  std::vector<std::int64_t> tokens;
  for (const language::TokenSpan& span : spans) {
    tokens.insert(tokens.end(), span.tokens.begin(), span.tokens.end());
  }
  auto batch = std::make_shared<Batch>();
  batch->tokens = at::tensor(tokens).to(device_);
  batch->positions = plan.positions();
  if (!cos_.defined()) return batch;
  batch->cos = cos_.index_select(0, plan.positions());
  batch->sin = sin_.index_select(0, plan.positions());
  return batch;
}

void DeviceModel::forward(std::span<const language::TokenSpan> spans, std::size_t,
                          std::span<const std::size_t> wanted_rows, float* logits) {
  const c10::NoGradGuard no_graph;
  const CachePlan plan(spans, *cache_);
  const CachedFunctions functions(*cache_, plan);
  const at::Tensor hidden = forward_hidden(functions, network_, batch_of(spans, plan), {});
  if (wanted_rows.empty()) return;
  const std::vector<std::int64_t> rows(wanted_rows.begin(), wanted_rows.end());
  const at::Tensor chosen = hidden.index_select(0, at::tensor(rows).to(device_));
  const at::Tensor& head = network_.head.value;
  const at::Tensor result = at::linear(chosen.to(head.scalar_type()), head)
                                .to(at::kCPU, at::kFloat)
                                .contiguous();
  std::memcpy(logits, result.const_data_ptr(), result.nbytes());
}

void DeviceModel::score(const float* logits, std::size_t rows, float inverse_temperature,
                        const std::int32_t* tokens, language::TokenScore* scores) {
  ops_.score(logits, rows, config().vocabulary, inverse_temperature, tokens, scores);
}

}  // namespace rl::lm
