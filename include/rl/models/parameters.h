// The parameters of a model in one flat buffer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"
#include "rl/formats/safetensors.h"
#include "rl/models/state_dict.h"

namespace rl {

struct ParameterSpec {
  std::string name;
  Shape shape;
};

// Values and gradients (f32) of named parameters. All values share one buffer and all gradients
// another, each parameter starting at a multiple of 64 bytes with zeros between, so that the norm
// of all gradients, a copy to a target network and an Adam step are one operation each:
//
//   values     | policy.0.weight | 0 | policy.0.bias | 0 | ...
//   gradients  | the same layout, the zeros between never change             |
//
// Threads: one thread at a time. No automatic differentiation here: models write the gradients.
class Parameters {
 public:
  // Zeros on `device`. Throws Error on a repeated name.
  Parameters(std::vector<ParameterSpec> specs, at::Device device);

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  std::size_t index(std::string_view name) const;  // Error when there is none
  // Views that share the flat buffers' storage.
  const at::Tensor& value(std::size_t index) const { return value_views_[index]; }
  const at::Tensor& gradient(std::size_t index) const { return gradient_views_[index]; }
  const at::Tensor& values() const { return values_; }        // [elements with padding]
  const at::Tensor& gradients() const { return gradients_; }  // the same
  std::int64_t num_parameters() const;                        // padding not counted
  at::Device device() const { return values_.device(); }

  // Every parameter of `flat` (a tensor laid out like values()) as `prefix` + its name.
  void put(StateDict& state, const std::string& prefix, const at::Tensor& flat) const;
  // The inverse: a new flat tensor on the device. Throws Error naming the tensor that is missing or
  // has another shape.
  at::Tensor read(const SafetensorsView& image, const std::string& prefix) const;

 private:
  std::vector<at::Tensor> views(const at::Tensor& flat) const;

  std::vector<ParameterSpec> specs_;
  std::vector<std::int64_t> offsets_;
  at::Tensor values_;
  at::Tensor gradients_;
  std::vector<at::Tensor> value_views_;
  std::vector<at::Tensor> gradient_views_;
};

}  // namespace rl
