// Random orders. Threads: pure functions of their arguments.
#pragma once

#include <cstddef>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "rl/core/rng.h"

namespace rl {

// Every order is equally likely (Fisher and Yates).
template <class T>
void shuffle(std::span<T> values, RngStream& stream) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[stream.below(i)]);
}

// 0 .. count - 1, shuffled.
inline std::vector<std::size_t> shuffled_indices(std::size_t count, RngStream stream) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(std::span(order), stream);
  return order;
}

}  // namespace rl
