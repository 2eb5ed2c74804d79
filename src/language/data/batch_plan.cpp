#include "rl/language/batch_plan.h"

#include <numeric>
#include <utility>

#include "rl/core/shuffle.h"

namespace rl::language {

std::vector<ExampleBatch> pack(std::span<const std::size_t> order,
                               std::span<const std::size_t> lengths, std::size_t budget) {
  std::vector<ExampleBatch> batches;
  std::size_t tokens = 0;
  for (const std::size_t example : order) {
    if (batches.empty() || tokens + lengths[example] > budget) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(example);
    tokens += lengths[example];
  }
  return batches;
}

std::vector<ExampleBatch> pack_in_order(std::span<const std::size_t> lengths,
                                        std::size_t budget) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return pack(order, lengths, budget);
}

BatchPlan::BatchPlan(std::vector<std::size_t> lengths, std::size_t budget, std::uint64_t seed)
    : lengths_(std::move(lengths)), budget_(budget), seed_(seed) {}

std::vector<ExampleBatch> BatchPlan::epoch(std::uint64_t number) const {
  return pack(shuffled_indices(lengths_.size(), RngStream(seed_, RngRole::minibatch, number)),
              lengths_, budget_);
}

std::uint64_t BatchPlan::batches(std::uint64_t epochs) const {
  std::uint64_t count = 0;
  for (std::uint64_t number = 0; number < epochs; ++number) count += epoch(number).size();
  return count;
}

}  // namespace rl::language
