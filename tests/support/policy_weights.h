// Weights for tests: any policy of any environment, from a seed.
#pragma once

#include "rl/core/rng.h"
#include "rl/core/spec.h"
#include "rl/formats/safetensors.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/policies/policy_spec.h"

namespace rl::tests {

// Uniform weights in +-1 for `policy` (default: two layers of 8, categorical or gaussian by the
// action). The same seed and version give the same bytes.
inline WeightSnapshot random_weights(const EnvironmentSpec& spec, std::uint64_t seed,
                                     std::uint64_t version, PolicySpec policy) {
  RngStream stream(seed + 1000 * version, RngRole::test, 0);
  std::vector<std::vector<float>> values;
  std::vector<TensorView> tensors;
  values.reserve(64);
  const auto add = [&](const std::string& name, Shape shape) {
    auto& data = values.emplace_back(num_elements(shape));
    for (float& value : data) value = static_cast<float>(stream.uniform(-1.0, 1.0));
    tensors.push_back({name, DType::f32, std::move(shape), std::as_bytes(std::span(data))});
  };
  std::int64_t inputs = num_inputs(spec);
  std::vector<std::int64_t> widths = policy.hidden;
  widths.push_back(num_outputs(policy, spec));
  for (std::size_t layer = 0; layer < widths.size(); ++layer) {
    const std::string name = "policy." + std::to_string(layer);
    add(name + ".weight", {widths[layer], inputs});
    add(name + ".bias", {widths[layer]});
    inputs = widths[layer];
  }
  if (policy.head == PolicyHead::gaussian) {
    add("policy.log_std", {static_cast<std::int64_t>(spec.actions[0].num_elements())});
  }
  if (policy.head == PolicyHead::q_values) add("exploration_epsilon", {});
  auto image = std::make_shared<const Bytes>(
      write_safetensors(tensors, {{"corral.policy", to_json(policy)}}));
  return {.run_id = 1, .version = version, .image = std::move(image)};
}

inline WeightSnapshot random_weights(const EnvironmentSpec& spec, std::uint64_t seed,
                                     std::uint64_t version) {
  PolicySpec policy{.hidden = {8, 8}};
  policy.head = spec.actions[0].is_discrete() ? PolicyHead::categorical : PolicyHead::gaussian;
  return random_weights(spec, seed, version, policy);
}

}  // namespace rl::tests
