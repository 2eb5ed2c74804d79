// Named tensors on their way into a safetensors image, and back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/spec.h"
#include "rl/formats/safetensors.h"

namespace rl {

// Collects tensors in order; equal contents give equal bytes.
// Threads: one thread at a time. Everything put is copied.
class StateDict {
 public:
  // f32 or i64, any device.
  void put(const std::string& name, const at::Tensor& tensor);
  void put(const std::string& name, std::span<const double> values);  // [n]
  void put(const std::string& name, std::uint64_t value);             // i64 []
  void put(const std::string& name, float value);                     // f32 []

  // Throws Error on a repeated name.
  Bytes write(const std::map<std::string, std::string>& metadata) const;

 private:
  void put_raw(const std::string& name, DType dtype, Shape shape,
               std::span<const std::byte> data);

  std::list<Bytes> data_;  // addresses stay when it grows
  std::vector<TensorView> views_;
};

// Copies on the CPU. Throw Error naming the tensor when it is missing or does not fit.
at::Tensor read_f32(const SafetensorsView& image, const std::string& name, const Shape& shape);
std::vector<double> read_f64(const SafetensorsView& image, const std::string& name,
                             std::size_t count);
std::uint64_t read_count(const SafetensorsView& image, const std::string& name);

}  // namespace rl
