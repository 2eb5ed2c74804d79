#include "learner/updates/transition_tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <string>

#include "learner/updates/columns.h"
#include "rl/policies/policy_spec.h"

namespace rl {
namespace {

const replay::BatchColumn& find_column(const std::vector<replay::BatchColumn>& columns,
                                       const std::string& name) {
  for (const replay::BatchColumn& column : columns) {
    if (column.column->tensor.name == name) return column;
  }
  throw Error({.where = "batch", .what = "no column of this name", .got = name});
}

std::string observation_column(std::string_view name) {
  return std::string(kObservationPrefix) + std::string(name);
}

at::Tensor flatten(const std::vector<replay::BatchColumn>& columns,
                   const EnvironmentSpec& environment, std::size_t size, at::Device device) {
  const auto inputs = static_cast<std::size_t>(num_inputs(environment));
  at::Tensor result = at::empty(
      {static_cast<std::int64_t>(size), static_cast<std::int64_t>(inputs)}, at::kFloat);
  float* target = result.mutable_data_ptr<float>();
  for (const TensorSpec& tensor : environment.observations) {
    if (tensor.name == kActionMaskName) continue;
    const auto& column = find_column(columns, observation_column(tensor.name));
    const std::size_t width = tensor.num_elements();
    copy_rows(tensor, column.data.data(), Rows<float>{target, inputs, size, width});
    target += width;
  }
  return result.to(device);
}

at::Tensor to_device(std::span<const float> values, at::Device device) {
  at::Tensor result = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), result.mutable_data_ptr<float>());
  return result.to(device);
}

}  // namespace

TransitionTensors to_tensors(const replay::TransitionBatch& transitions,
                             const EnvironmentSpec& environment, at::Device device) {
  const auto size = static_cast<std::int64_t>(transitions.size);
  TransitionTensors result;
  result.observations = flatten(transitions.observations, environment, transitions.size, device);
  result.next_observations =
      flatten(transitions.next_observations, environment, transitions.size, device);
  const int mask = find(environment.observations, kActionMaskName);
  if (mask >= 0) {
    const TensorSpec& tensor = environment.observations[static_cast<std::size_t>(mask)];
    const auto& column =
        find_column(transitions.next_observations, observation_column(kActionMaskName));
    const std::size_t width = tensor.num_elements();
    at::Tensor flags = at::empty({size, static_cast<std::int64_t>(width)}, at::kByte);
    copy_rows(tensor, column.data.data(),
              Rows<std::uint8_t>{flags.mutable_data_ptr<std::uint8_t>(), width, transitions.size,
                                 width});
    result.next_mask = flags.to(device).to(at::kBool);
  }
  at::Tensor actions = at::empty({size}, at::kLong);
  copy_rows(environment.actions.front(), transitions.actions.front().data.data(),
            Rows<std::int64_t>{actions.mutable_data_ptr<std::int64_t>(), 1, transitions.size, 1});
  result.batch.actions = actions.to(device);
  result.batch.rewards = to_device(transitions.rewards, device);
  result.batch.discounts = to_device(transitions.discounts, device);
  result.batch.weights = at::ones_like(result.batch.rewards);
  return result;
}

}  // namespace rl
