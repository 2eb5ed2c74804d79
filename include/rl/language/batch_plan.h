// Which examples are learned from together, and when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rl::language {

// A batch is one step of the optimiser: numbers of examples, in order.
using ExampleBatch = std::vector<std::size_t>;

// Splits `order` where the next example would make a batch longer than `budget` tokens; an example
// longer than that is a batch of its own. Nothing is left out, nothing is padded.
std::vector<ExampleBatch> pack(std::span<const std::size_t> order,
                               std::span<const std::size_t> lengths, std::size_t budget);

// The same of 0, 1, 2, ...: examples as they lie.
std::vector<ExampleBatch> pack_in_order(std::span<const std::size_t> lengths, std::size_t budget);

// Every epoch is a shuffle of all examples, packed. An epoch's batches depend on the lengths, the
// budget, the seed and the epoch's number: any can be made again without those before it.
// Threads: one at a time.
class BatchPlan {
 public:
  BatchPlan(std::vector<std::size_t> lengths, std::size_t budget, std::uint64_t seed);

  std::vector<ExampleBatch> epoch(std::uint64_t number) const;
  // Batches of the first `epochs` epochs together.
  std::uint64_t batches(std::uint64_t epochs) const;

 private:
  std::vector<std::size_t> lengths_;
  std::size_t budget_;
  std::uint64_t seed_;
};

}  // namespace rl::language
