// The description of a small network policy that travels with its weights.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"

namespace rl {

enum class Activation : std::uint8_t { tanh, relu };

// How the network's outputs become an action.
enum class PolicyHead : std::uint8_t {
  categorical,        // logits per action element (several elements: multi-discrete), masks honoured
  gaussian,           // mean per element; log_std is a weight that does not depend on the state
  squashed_gaussian,  // mean and log_std per element, tanh, scaled to the action's bounds
  q_values,           // value per category; epsilon-greedy with the snapshot's exploration_epsilon
};

// A multi-layer perceptron from the flattened observation (every field but the action mask, in
// spec order, converted to f32) to the head's outputs.
//
// Tensors of a snapshot, f32 unless said: `policy.<i>.weight` [out, in] and `policy.<i>.bias` [out]
// for i = 0 .. hidden.size() (the last is the head); `policy.log_std` [elements] (gaussian);
// `exploration_epsilon` [] (q_values); `observation_mean`, `observation_variance` f64 [inputs] when
// normalise_observations: x -> clip((x - mean) / sqrt(variance + 1e-8), -clip, clip).
// Everything else in the image (value network, optimizer) is ignored by a policy.
struct PolicySpec {
  PolicyHead head = PolicyHead::categorical;
  std::vector<std::int64_t> hidden{64, 64};
  Activation activation = Activation::tanh;
  bool normalise_observations = false;
  double observation_clip = 10.0;
  double log_std_low = -20.0;  // clamp of the squashed gaussian's log_std
  double log_std_high = 2.0;

  friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

// Widths of the network for an environment.
std::int64_t num_inputs(const EnvironmentSpec& spec);
std::int64_t num_outputs(const PolicySpec& policy, const EnvironmentSpec& spec);

// JSON, for the snapshot's "corral.policy" metadata. from_json throws Error naming the field.
std::string to_json(const PolicySpec& policy);
PolicySpec policy_spec_from_json(std::string_view json);

// Throws Error when the head does not fit the environment's action.
void validate(const PolicySpec& policy, const EnvironmentSpec& spec);

}  // namespace rl
