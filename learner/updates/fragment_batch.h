// Fragments side by side, as the contiguous columns an update works on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/core/fragment.h"
#include "rl/core/spec.h"

namespace rl {

// N steps of F fragments, fragment after fragment. Observations are flattened as a policy sees
// them: every field but the action mask, in spec order, as f32.
struct FragmentBatch {
  std::size_t num_inputs = 0;
  std::vector<float> observations;          // [N + F, inputs]: the N steps', then F final ones
  std::vector<std::int64_t> discrete;       // [N, elements] discrete actions, else empty
  std::vector<float> continuous;            // [N, elements] continuous actions, else empty
  std::vector<std::uint8_t> masks;          // [N, categories], empty without a mask
  std::vector<float> rewards;               // [N]
  std::vector<float> log_probs;             // [N]
  std::vector<std::size_t> first_steps;     // [F + 1] row of each fragment's first step; last is N
  std::vector<FragmentEnd> ends;            // [F]
  std::vector<std::uint64_t> environments;  // [F]

  std::size_t num_steps() const { return rewards.size(); }
  std::size_t num_fragments() const { return ends.size(); }
};

// Copies. Throws Error naming the column that a fragment of another schema lacks.
FragmentBatch gather_fragments(std::span<const FragmentPtr> fragments,
                               const EnvironmentSpec& environment);

// No column of floats holds an infinity or NaN.
bool is_finite(const FragmentBatch& batch);

}  // namespace rl
