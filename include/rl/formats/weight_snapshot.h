// A versioned set of named weights: what is broadcast, saved and served.
#pragma once

#include <cstdint>
#include <memory>

#include "rl/core/bytes.h"

namespace rl {

// Threads: immutable once shared. `image` is a complete safetensors file; its __metadata__ holds
// "corral.policy" (see policies/policy_spec.h), so that a snapshot describes itself.
struct WeightSnapshot {
  std::uint64_t run_id = 0;
  std::uint64_t version = 0;  // rises by one per publication; 0 is never published
  std::shared_ptr<const Bytes> image;
};

}  // namespace rl
