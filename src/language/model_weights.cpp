#include "rl/language/model_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "rl/core/error.h"
#include "rl/core/portable_math.h"
#include "rl/core/rng.h"
#include "rl/core/suggest.h"
#include "src/language/element_types.h"
#include "src/language/tensor_check.h"
#include "src/language/tensor_memory.h"

namespace rl::language {

struct ModelWeights::Contents {
  std::vector<TensorView> tensors;
  std::map<std::string, std::size_t, std::less<>> index;
  std::shared_ptr<const void> owner;
};

namespace {

std::size_t bytes_as(const TensorView& tensor, DType dtype) {
  return tensor.data.size() / size_bytes(tensor.dtype) * size_bytes(dtype);
}

bool is_residual_projection(std::string_view name) {
  return name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
}

void fill(std::span<std::byte> data, const ParameterSpec& parameter, double deviation,
          RngStream stream) {
  const bool is_matrix = parameter.shape.size() == 2;
  const float fixed = parameter.name.ends_with(".bias") ? 0.0F : 1.0F;
  for (std::size_t i = 0; i < data.size() / sizeof(float); ++i) {
    const float value =
        is_matrix ? static_cast<float>(deviation * portable::standard_normal(stream)) : fixed;
    std::memcpy(data.data() + i * sizeof(float), &value, sizeof(value));
  }
}

}  // namespace

ModelWeights::ModelWeights(const ModelConfig& config, std::vector<TensorView> tensors,
                           std::shared_ptr<const void> owner, std::string_view where) {
  const auto parameters = model_parameters(config);
  check_tensors(tensors, parameters, where);
  auto contents = std::make_shared<Contents>();
  for (std::size_t i = 0; i < parameters.size(); ++i) contents->index[parameters[i].name] = i;
  std::ranges::sort(tensors, {}, [&](const TensorView& tensor) {
    return contents->index.find(tensor.name)->second;
  });
  contents->tensors = std::move(tensors);
  contents->owner = std::move(owner);
  contents_ = std::move(contents);
}

const std::vector<TensorView>& ModelWeights::tensors() const {
  static const std::vector<TensorView> none;
  return contents_ ? contents_->tensors : none;
}

const TensorView* ModelWeights::find(std::string_view name) const {
  if (!contents_) return nullptr;
  const auto found = contents_->index.find(name);
  return found == contents_->index.end() ? nullptr : &contents_->tensors[found->second];
}

const TensorView& ModelWeights::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  std::vector<std::string> names;
  for (const TensorView& tensor : tensors()) names.push_back(tensor.name);
  std::string near;
  for (const std::string& known : nearest_names(name, names)) {
    near += (near.empty() ? "" : ", ") + known;
  }
  throw Error({.where = "ModelWeights",
               .what = "there is no tensor '" + std::string(name) + "'",
               .got = std::to_string(names.size()) + " others" +
                      (near.empty() ? "" : ", the nearest " + near)});
}

ModelWeights ModelWeights::as(DType dtype) const {
  std::size_t bytes = 0;
  for (const TensorView& tensor : tensors()) {
    if (tensor.dtype != dtype) bytes += TensorMemory::padded(bytes_as(tensor, dtype));
  }
  if (bytes == 0) return *this;
  TensorMemory memory(bytes);
  auto contents = std::make_shared<Contents>(*contents_);
  for (TensorView& tensor : contents->tensors) {
    if (tensor.dtype == dtype) continue;
    const auto data = memory.take(bytes_as(tensor, dtype));
    convert(tensor.data, tensor.dtype, data, dtype);
    tensor.dtype = dtype;
    tensor.data = data;
  }
  using Owners = std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>;
  contents->owner = std::make_shared<Owners>(contents_->owner, memory.owner());
  ModelWeights converted;
  converted.contents_ = std::move(contents);
  return converted;
}

ModelWeights ModelWeights::checked(const ModelConfig& config, std::string_view where) const {
  return ModelWeights(config, tensors(), contents_ ? contents_->owner : nullptr, where);
}

ModelConfig with_scalar_head(ModelConfig config) {
  config.scalar_head = true;
  return config;
}

ModelWeights with_scalar_head(const ModelConfig& config, const ModelWeights& weights) {
  const ModelWeights checked = weights.checked(config, "with_scalar_head");
  if (config.scalar_head) return checked;
  const auto width = static_cast<std::int64_t>(config.hidden);
  TensorMemory memory(config.hidden * sizeof(float));
  std::vector<TensorView> tensors = checked.tensors();
  std::erase_if(tensors, [](const TensorView& tensor) { return tensor.name == "lm_head.weight"; });
  tensors.push_back({"score.weight", DType::f32, {1, width},
                     memory.take(config.hidden * sizeof(float))});
  using Owners = std::pair<ModelWeights, std::shared_ptr<const void>>;
  return ModelWeights(with_scalar_head(config), std::move(tensors),
                      std::make_shared<Owners>(checked, memory.owner()), "with_scalar_head");
}

std::vector<float> to_f32(const TensorView& tensor) {
  std::vector<float> values(tensor.data.size() / size_bytes(tensor.dtype));
  convert(tensor.data, tensor.dtype, std::as_writable_bytes(std::span(values)), DType::f32);
  return values;
}

ModelWeights random_weights(const ModelConfig& config, std::uint64_t seed) {
  constexpr double kDeviation = 0.02;
  validate(config);
  const auto parameters = model_parameters(config);
  std::size_t bytes = 0;
  for (const ParameterSpec& parameter : parameters) {
    bytes += TensorMemory::padded(num_elements(parameter.shape) * sizeof(float));
  }
  TensorMemory memory(bytes);
  std::vector<TensorView> tensors;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const ParameterSpec& parameter = parameters[i];
    const auto data = memory.take(num_elements(parameter.shape) * sizeof(float));
    const bool residual = is_residual_projection(parameter.name);
    const double scale =
        residual ? 1.0 / std::sqrt(2.0 * static_cast<double>(config.layers)) : 1.0;
    fill(data, parameter, kDeviation * scale, RngStream(seed, RngRole::initialisation, i));
    tensors.push_back({parameter.name, DType::f32, parameter.shape, data});
  }
  return ModelWeights(config, std::move(tensors), memory.owner(), "random weights");
}

}  // namespace rl::language
