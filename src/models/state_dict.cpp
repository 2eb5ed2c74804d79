#include "rl/models/state_dict.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "rl/core/error.h"

namespace rl {

void StateDict::put_raw(const std::string& name, DType dtype, Shape shape,
                        std::span<const std::byte> data) {
  const Bytes& copy = data_.emplace_back(data.begin(), data.end());
  views_.push_back({name, dtype, std::move(shape), copy});
}

void StateDict::put(const std::string& name, const at::Tensor& tensor) {
  const bool is_float = tensor.scalar_type() == at::kFloat;
  if (!is_float && tensor.scalar_type() != at::kLong) {
    throw Error({.where = "StateDict", .what = "tensor '" + name + "' has another type",
                 .expected = "f32 or i64", .got = c10::toString(tensor.scalar_type())});
  }
  const at::Tensor flat = tensor.detach().to(at::kCPU).contiguous();
  const auto* data = static_cast<const std::byte*>(flat.const_data_ptr());
  put_raw(name, is_float ? DType::f32 : DType::i64, tensor.sizes().vec(), {data, flat.nbytes()});
}

void StateDict::put(const std::string& name, std::span<const double> values) {
  put_raw(name, DType::f64, {static_cast<std::int64_t>(values.size())}, std::as_bytes(values));
}

void StateDict::put(const std::string& name, std::uint64_t value) {
  put_raw(name, DType::i64, {}, std::as_bytes(std::span(&value, 1)));
}

void StateDict::put(const std::string& name, float value) {
  put_raw(name, DType::f32, {}, std::as_bytes(std::span(&value, 1)));
}

Bytes StateDict::write(const std::map<std::string, std::string>& metadata) const {
  return write_safetensors(views_, metadata);
}

at::Tensor read_f32(const SafetensorsView& image, const std::string& name, const Shape& shape) {
  const auto values = image.values<float>(name, shape);
  at::Tensor tensor = at::empty(shape, at::kFloat);
  std::memcpy(tensor.mutable_data_ptr<float>(), values.data(), values.size_bytes());
  return tensor;
}

std::vector<double> read_f64(const SafetensorsView& image, const std::string& name,
                             std::size_t count) {
  const auto values = image.values<double>(name, {static_cast<std::int64_t>(count)});
  return {values.begin(), values.end()};
}

std::uint64_t read_count(const SafetensorsView& image, const std::string& name) {
  const std::int64_t value = image.values<std::int64_t>(name, {})[0];
  if (value >= 0) return static_cast<std::uint64_t>(value);
  throw Error({.where = "state", .what = "tensor '" + name + "' is negative",
               .expected = "a count", .got = std::to_string(value)});
}

}  // namespace rl
