// Which items of a run's data are set aside to measure with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rl {

// A share of `count` items, at least one, drawn with the seed; rising. Throws Error when nothing
// would be left to learn from. Threads: a pure function.
std::vector<std::size_t> held_out_items(std::size_t count, double share, std::uint64_t seed);

}  // namespace rl
