#include "learner/language/held_out_items.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rl/core/error.h"
#include "rl/core/shuffle.h"

namespace rl {

// The stream's index is no epoch's number.
std::vector<std::size_t> held_out_items(std::size_t count, double share, std::uint64_t seed) {
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
  const std::size_t size = std::max<std::size_t>(wanted, 1);
  if (size >= count) {
    throw Error({.where = "training data",
                 .what = "the validation split leaves nothing to learn from",
                 .expected = "more than " + std::to_string(size) + " examples",
                 .got = std::to_string(count)});
  }
  std::vector<std::size_t> order = shuffled_indices(
      count, RngStream(seed, RngRole::minibatch, std::numeric_limits<std::uint64_t>::max()));
  order.resize(size);
  std::ranges::sort(order);
  return order;
}

}  // namespace rl
