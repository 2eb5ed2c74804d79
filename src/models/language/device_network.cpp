#include "src/models/language/device_network.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <vector>

namespace rl::lm {
namespace {

constexpr const char* kWhere = "make_device_generator";

at::ScalarType type_of(const TensorView& tensor) {
  const bool is_matrix = tensor.shape.size() > 1;
  return tensor.dtype == DType::bf16 && is_matrix ? at::kBFloat16 : at::kFloat;
}

void copy(const void* data, const at::Tensor& to) {
  to.copy_(at::from_blob(const_cast<void*>(data), to.sizes(), to.scalar_type()));
}

void fill(const TensorView& tensor, const at::Tensor& to) {
  const bool as_stored = tensor.dtype == DType::f32 || to.scalar_type() == at::kBFloat16;
  if (as_stored) return copy(tensor.data.data(), to);
  copy(language::to_f32(tensor).data(), to);
}

}  // namespace

DeviceNetwork::DeviceNetwork(const language::ModelConfig& config,
                             const language::ModelWeights& weights, at::Device device)
    : device_(device) {
  network_.config = config;
  network_ = network_of(weights.checked(config, kWhere));
}

bool DeviceNetwork::exchange(const language::ModelWeights& weights) {
  const language::ModelWeights checked = weights.checked(network_.config, kWhere);
  const bool alike = std::ranges::all_of(tensors_, [&](const auto& entry) {
    return type_of(checked.require(entry.first)) == entry.second.scalar_type();
  });
  if (alike) {
    for (const auto& [name, tensor] : tensors_) fill(checked.require(name), tensor);
  } else {
    network_ = network_of(checked);
  }
  return alike;
}

Network DeviceNetwork::network_of(const language::ModelWeights& weights) {
  std::map<std::string, at::Tensor> tensors;
  const auto weight = [&](const std::string& name) {
    const TensorView& stored = weights.require(name);
    const at::Tensor tensor =
        at::empty(stored.shape, at::TensorOptions().dtype(type_of(stored)).device(device_));
    fill(stored, tensor);
    tensors.insert_or_assign(name, tensor);
    return Weight{tensor, {}};
  };
  Network network = make_network(network_.config, {.weight = weight,
                                                   .adapter = [](const std::string&) {
                                                     return Adapter{};
                                                   }});
  tensors_ = std::move(tensors);
  return network;
}

}  // namespace rl::lm
