#include "rl/models/parameters.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <set>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr std::int64_t kAlignment = 16;  // elements: 64 bytes

std::int64_t count(const Shape& shape) { return static_cast<std::int64_t>(num_elements(shape)); }

}  // namespace

Parameters::Parameters(std::vector<ParameterSpec> specs, at::Device device)
    : specs_(std::move(specs)) {
  std::set<std::string> names;
  std::int64_t size = 0;
  for (const ParameterSpec& spec : specs_) {
    if (!names.insert(spec.name).second) {
      throw Error({.where = "Parameters", .what = "name '" + spec.name + "' is repeated"});
    }
    offsets_.push_back(size);
    size += (count(spec.shape) + kAlignment - 1) / kAlignment * kAlignment;
  }
  values_ = at::zeros({size}, at::TensorOptions(at::kFloat).device(device));
  gradients_ = at::zeros({size}, at::TensorOptions(at::kFloat).device(device));
  value_views_ = views(values_);
  gradient_views_ = views(gradients_);
}

std::vector<at::Tensor> Parameters::views(const at::Tensor& flat) const {
  std::vector<at::Tensor> result;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    result.push_back(flat.narrow(0, offsets_[i], count(specs_[i].shape)).view(specs_[i].shape));
  }
  return result;
}

std::size_t Parameters::index(std::string_view name) const {
  const auto found = std::find_if(specs_.begin(), specs_.end(),
                                  [&](const ParameterSpec& spec) { return spec.name == name; });
  if (found != specs_.end()) return static_cast<std::size_t>(found - specs_.begin());
  throw Error({.where = "Parameters", .what = "no such parameter", .got = std::string(name)});
}

std::int64_t Parameters::num_parameters() const {
  std::int64_t total = 0;
  for (const ParameterSpec& spec : specs_) total += count(spec.shape);
  return total;
}

void Parameters::put(StateDict& state, const std::string& prefix, const at::Tensor& flat) const {
  const std::vector<at::Tensor> tensors = views(flat);
  for (std::size_t i = 0; i < specs_.size(); ++i) state.put(prefix + specs_[i].name, tensors[i]);
}

at::Tensor Parameters::read(const SafetensorsView& image, const std::string& prefix) const {
  at::Tensor flat = at::zeros(values_.sizes(), at::kFloat);
  const std::vector<at::Tensor> tensors = views(flat);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    tensors[i].copy_(read_f32(image, prefix + specs_[i].name, specs_[i].shape));
  }
  return flat.to(values_.device());
}

}  // namespace rl
