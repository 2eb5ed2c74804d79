// Seeded changes to an input, of the kinds that libFuzzer makes.
#pragma once

#include <cstdint>

#include "fuzz/target.h"
#include "rl/core/rng.h"

namespace rl::fuzz {

// `corpus`: not empty; other inputs are spliced in. The result has at most `max_bytes`.
// Equal streams give equal inputs.
Bytes mutate(const Bytes& input, const std::vector<Bytes>& corpus, std::size_t max_bytes,
             RngStream& random);

}  // namespace rl::fuzz
