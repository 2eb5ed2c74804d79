// Sampled transitions as tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "rl/algorithms/dqn.h"
#include "rl/core/spec.h"
#include "rl/replay/batch.h"

namespace rl {

struct TransitionTensors {
  at::Tensor observations;       // f32 [B, inputs], flattened as a policy sees them
  at::Tensor next_observations;  // f32 [B, inputs]
  at::Tensor next_mask;          // bool [B, actions] or undefined
  DqnBatch batch;                // weights are ones
};

// Copies to the device. The environment has one discrete action element.
// Threads: any.
TransitionTensors to_tensors(const replay::TransitionBatch& transitions,
                             const EnvironmentSpec& environment, at::Device device);

}  // namespace rl
