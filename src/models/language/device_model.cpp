#include "src/models/language/device_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <cstring>
#include <string>
#include <utility>

#include "src/models/language/transformer_layers.h"

namespace rl::lm {
namespace {

// LibTorch's functions with attention over the cache, for one pass: the layers ask in their order.
class CachedFunctions final : public Functions {
 public:
  CachedFunctions(const Functions& plain, const DeviceCache& cache, const CachePlan& plan)
      : plain_(plain), cache_(cache), plan_(plan) {}

  at::Tensor embed(const Network& network, const Batch& batch) const override {
    return plain_.embed(network, batch).to(at::kFloat);
  }
  at::Tensor normalise(const at::Tensor& x, const NormWeights& norm) const override {
    return plain_.normalise(x, norm);
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
  at::Tensor rotate(const at::Tensor& heads,
                    const std::shared_ptr<const Batch>& batch) const override {
    return plain_.rotate(heads, batch);
  }
  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const std::shared_ptr<const Batch>&, float scale) const override {
    return plan_.attend(cache_, layer_++, query, key, value, static_cast<double>(scale));
  }
  at::Tensor silu_multiply(const at::Tensor& gate, const at::Tensor& up) const override {
    return plain_.silu_multiply(gate, up);
  }
  at::Tensor gelu(const at::Tensor& x) const override { return plain_.gelu(x); }
  at::Tensor add(const at::Tensor& a, const at::Tensor& b) const override {
    return plain_.add(a, b);
  }
  TokenLogProbs score(const at::Tensor& hidden, const at::Tensor& targets, const Weight& head,
                      float inverse_temperature, std::int64_t chunk_rows) const override {
    return plain_.score(hidden, targets, head, inverse_temperature, chunk_rows);
  }

 private:
  const Functions& plain_;
  const DeviceCache& cache_;
  const CachePlan& plan_;
  mutable std::int64_t layer_ = 0;
};

// A copy: matrices keep bf16, everything else is f32.
at::Tensor on_device(const TensorView& tensor, at::Device device) {
  constexpr bool kCopy = true;
  auto* data = const_cast<std::byte*>(tensor.data.data());
  if (tensor.dtype == DType::f32) {
    return at::from_blob(data, tensor.shape, at::kFloat).to(device, at::kFloat, false, kCopy);
  }
  if (tensor.dtype == DType::bf16) {
    const auto type = tensor.shape.size() > 1 ? at::kBFloat16 : at::kFloat;
    return at::from_blob(data, tensor.shape, at::kBFloat16).to(device, type, false, kCopy);
  }
  std::vector<float> wide = language::to_f32(tensor);
  return at::from_blob(wide.data(), tensor.shape, at::kFloat).to(device, at::kFloat, false, kCopy);
}

Network network_of(const language::ModelConfig& config, const language::ModelWeights& weights,
                   at::Device device) {
  const language::ModelWeights checked(config, weights.tensors(),
                                       std::make_shared<language::ModelWeights>(weights),
                                       "make_device_generator");
  const auto weight = [&](const std::string& name) {
    return Weight{on_device(checked.require(name), device), {}};
  };
  return make_network(config, {.weight = weight, .adapter = [](const std::string&) {
                        return Adapter{};
                      }});
}

at::Tensor table_on(const std::vector<float>& table, std::size_t half, at::Device device) {
  const auto width = static_cast<std::int64_t>(half);
  const auto rows = static_cast<std::int64_t>(table.size()) / width;
  return at::from_blob(const_cast<float*>(table.data()), {rows, width}, at::kFloat)
      .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

DeviceModel::DeviceModel(const language::ModelConfig& config,
                         const language::ModelWeights& weights, at::Device device,
                         std::size_t threads)
    : device_(device),
      team_(threads),
      ops_(team_),
      functions_(plain_functions()),
      network_(network_of(config, weights, device)) {
  if (config.learned_positions) return;
  const language::RotaryTable table(config, config.context);
  cos_ = table_on(table.cos, table.half, device);
  sin_ = table_on(table.sin, table.half, device);
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
  const CachedFunctions functions(*functions_, *cache_, plan);
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
