// What a rollout worker asks for actions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "rl/core/fields.h"
#include "rl/core/rng.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/policies/policy_spec.h"

namespace rl {

enum class ActMode : std::uint8_t {
  sample,  // draw from the policy (training)
  greedy,  // most likely action, mean, or arg max (evaluation, serving)
  given,   // the action that the row already holds: only its log-probability is computed
};

// Where the results of one environment's row go.
struct ActRow {
  ConstFields observation;     // in: one row per observation of the spec
  Fields action;               // out (in when given): one row per action of the spec, as sampled
                               // (not clipped)
  float* log_prob = nullptr;   // out: log-probability (density) of that action; may be null
  RngStream* stream = nullptr; // advanced by sampling; the draws of a row depend on it alone
};

// Threads: one thread at a time per object.
class Policy {
 public:
  virtual ~Policy() = default;

  // Chooses an action per row. A row's result has the same bits whatever else is in the call, on
  // every CPU. Throws Error when no weights are loaded.
  virtual void act(std::span<const ActRow> rows, ActMode mode) = 0;

  // Takes new weights. Throws Error naming the tensor, and keeps the old ones whole, when the image
  // does not fit this policy or holds a non-finite value.
  virtual void load(const WeightSnapshot& snapshot) = 0;

  // Version of the loaded weights; 0 before the first.
  virtual std::uint64_t version() const = 0;
};

// Policy for an environment, built from a snapshot's own description, and loaded with it.
std::unique_ptr<Policy> make_policy(const EnvironmentSpec& spec, const WeightSnapshot& snapshot);

}  // namespace rl
