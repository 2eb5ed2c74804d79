// Tensors of doubles for tests of the losses.
#pragma once

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "rl/core/rng.h"

namespace rl::tests {

inline at::Tensor doubles(const std::vector<double>& values, at::IntArrayRef shape) {
  at::Tensor result = at::empty(shape, at::kDouble);
  if (static_cast<std::size_t>(result.numel()) != values.size()) {
    throw std::runtime_error("golden column of another length");
  }
  std::copy(values.begin(), values.end(), result.mutable_data_ptr<double>());
  return result;
}

inline at::Tensor random_normal(RngStream& stream, at::IntArrayRef shape, double scale = 1.0) {
  at::Tensor result = at::empty(shape, at::kDouble);
  double* values = result.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < result.numel(); ++i) values[i] = scale * stream.normal();
  return result;
}

inline at::Tensor random_categories(RngStream& stream, at::IntArrayRef shape, std::uint64_t count) {
  at::Tensor result = at::empty(shape, at::kLong);
  auto* values = result.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    values[i] = static_cast<std::int64_t>(stream.below(count));
  }
  return result;
}

inline double greatest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Named columns of tests/golden/algorithms/<name>.
inline std::map<std::string, std::vector<double>> read_golden(const std::string& name) {
  std::ifstream file(std::string(RL_TEST_DATA) + "/golden/algorithms/" + name);
  std::map<std::string, std::vector<double>> columns;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    for (double value = 0.0; words >> value;) columns[key].push_back(value);
  }
  if (columns.empty()) throw std::runtime_error("no golden file " + name);
  return columns;
}

// d function / d input by central differences.
inline at::Tensor finite_differences(const std::function<at::Tensor(const at::Tensor&)>& function,
                                     const at::Tensor& input) {
  constexpr double kStep = 1e-6;
  const at::Tensor moved = input.detach().clone();
  at::Tensor gradient = at::zeros_like(moved);
  double* values = moved.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < moved.numel(); ++i) {
    const double kept = values[i];
    values[i] = kept + kStep;
    const double above = function(moved).item<double>();
    values[i] = kept - kStep;
    const double below = function(moved).item<double>();
    values[i] = kept;
    gradient.mutable_data_ptr<double>()[i] = (above - below) / (2 * kStep);
  }
  return gradient;
}

inline at::Tensor gradient_of(const std::function<at::Tensor(const at::Tensor&)>& function,
                              const at::Tensor& input) {
  const at::Tensor leaf = input.detach().clone().requires_grad_();
  function(leaf).backward();
  return leaf.grad();
}

}  // namespace rl::tests
