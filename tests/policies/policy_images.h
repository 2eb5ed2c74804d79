// Environments and weight images for tests of policies.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rl/core/rng.h"
#include "rl/formats/safetensors.h"
#include "rl/policies/policy.h"
#include "rl/policies/policy_spec.h"

namespace rl::testing {

// A mutable set of tensors that becomes a snapshot.
class ImageBuilder {
 public:
  void set(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    set_bytes(name, DType::f32, shape, values.data(), values.size() * sizeof(float));
  }
  void set(const std::string& name, const Shape& shape, const std::vector<double>& values) {
    set_bytes(name, DType::f64, shape, values.data(), values.size() * sizeof(double));
  }
  void erase(const std::string& name) { tensors_.erase(name); }
  void describe(const std::string& text) { metadata_["corral.policy"] = text; }
  void drop_description() { metadata_.clear(); }
  float* values(const std::string& name) {
    return reinterpret_cast<float*>(tensors_.at(name).bytes.data());
  }
  double* doubles(const std::string& name) {
    return reinterpret_cast<double*>(tensors_.at(name).bytes.data());
  }

  WeightSnapshot snapshot(std::uint64_t version = 1) const {
    std::vector<TensorView> views;
    for (const auto& [name, tensor] : tensors_) {
      views.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
    }
    return {.run_id = 7,
            .version = version,
            .image = std::make_shared<const Bytes>(write_safetensors(views, metadata_))};
  }

 private:
  struct Tensor {
    DType dtype;
    Shape shape;
    Bytes bytes;
  };

  void set_bytes(const std::string& name, DType dtype, const Shape& shape, const void* data,
                 std::size_t size) {
    Bytes bytes(size);
    std::memcpy(bytes.data(), data, size);
    tensors_[name] = {dtype, shape, std::move(bytes)};
  }

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

inline std::vector<float> random_values(RngStream& stream, std::size_t count, double scale) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(stream.uniform(-scale, scale));
  return values;
}

// Random weights of every tensor the policy needs.
inline ImageBuilder random_image(const PolicySpec& policy, const EnvironmentSpec& spec,
                                 std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 0);
  ImageBuilder image;
  image.describe(to_json(policy));
  std::vector<std::int64_t> widths = {num_inputs(spec)};
  widths.insert(widths.end(), policy.hidden.begin(), policy.hidden.end());
  widths.push_back(num_outputs(policy, spec));
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const std::string prefix = "policy." + std::to_string(i);
    const auto in = static_cast<std::size_t>(widths[i]);
    const auto out = static_cast<std::size_t>(widths[i + 1]);
    image.set(prefix + ".weight", {widths[i + 1], widths[i]},
              random_values(stream, in * out, 0.6));
    image.set(prefix + ".bias", {widths[i + 1]}, random_values(stream, out, 0.3));
  }
  if (policy.head == PolicyHead::gaussian) {
    const auto elements = static_cast<std::size_t>(widths.back());
    image.set("policy.log_std", {widths.back()}, random_values(stream, elements, 0.5));
  }
  if (policy.head == PolicyHead::q_values) {
    image.set("exploration_epsilon", {}, std::vector<float>{0.3F});
  }
  if (policy.normalise_observations) {
    std::vector<double> mean;
    std::vector<double> variance;
    for (std::int64_t i = 0; i < widths[0]; ++i) {
      mean.push_back(stream.uniform(-1.0, 1.0));
      variance.push_back(stream.uniform(0.5, 2.0));
    }
    image.set("observation_mean", {widths[0]}, mean);
    image.set("observation_variance", {widths[0]}, variance);
  }
  return image;
}

inline EnvironmentSpec discrete_spec(std::int64_t inputs = 8, std::int64_t categories = 4) {
  return {.name = "Discrete",
          .observations = {{.name = "state", .shape = {inputs}}},
          .actions = {{.name = "action",
                       .dtype = DType::i64,
                       .low = {0.0},
                       .high = {static_cast<double>(categories - 1)}}}};
}

inline EnvironmentSpec continuous_spec(DType dtype = DType::f32) {
  return {.name = "Continuous",
          .observations = {{.name = "state", .shape = {5}}},
          .actions = {{.name = "action",
                       .dtype = dtype,
                       .shape = {3},
                       .low = {-2.0, -1.0, 0.0},
                       .high = {2.0, 1.0, 10.0}}}};
}

// Several observation fields of several types, two action elements of 3 and 2 categories, a mask.
inline EnvironmentSpec masked_spec() {
  return {.name = "Masked",
          .observations = {{.name = "picture", .dtype = DType::u8, .shape = {2, 2}},
                           {.name = "action_mask", .dtype = DType::u8, .shape = {5}},
                           {.name = "count", .dtype = DType::i32},
                           {.name = "time", .dtype = DType::i64},
                           {.name = "position", .dtype = DType::f64, .shape = {2}}},
          .actions = {{.name = "action",
                       .dtype = DType::i32,
                       .shape = {2},
                       .low = {0.0},
                       .high = {2.0, 1.0}}}};
}

}  // namespace rl::testing
