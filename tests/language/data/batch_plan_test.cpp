#include "rl/language/batch_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "rl/core/rng.h"

namespace rl::language {
namespace {

std::vector<std::size_t> some_lengths(std::size_t count) {
  std::vector<std::size_t> lengths(count);
  RngStream stream(1, RngRole::test, 0);
  for (auto& length : lengths) length = 1 + stream.below(20);
  return lengths;
}

std::vector<std::size_t> flat(const std::vector<ExampleBatch>& batches) {
  std::vector<std::size_t> examples;
  for (const auto& batch : batches) examples.insert(examples.end(), batch.begin(), batch.end());
  return examples;
}

}  // namespace

TEST_SUITE("batches") {
  TEST_CASE("a batch ends where the next example would exceed the budget") {
    const std::vector<std::size_t> lengths{4, 3, 3, 5, 1};
    const std::vector<std::size_t> order{0, 1, 2, 3, 4};
    CHECK(pack(order, lengths, 7) == std::vector<ExampleBatch>{{0, 1}, {2}, {3, 4}});
    CHECK(pack(order, lengths, 100) == std::vector<ExampleBatch>{{0, 1, 2, 3, 4}});
    CHECK(pack({}, lengths, 7).empty());
  }

  TEST_CASE("an example longer than the budget is a batch of its own") {
    const std::vector<std::size_t> lengths{2, 9, 2};
    const std::vector<std::size_t> order{0, 1, 2};
    CHECK(pack(order, lengths, 5) == std::vector<ExampleBatch>{{0}, {1}, {2}});
    CHECK(pack(order, lengths, 1) == std::vector<ExampleBatch>{{0}, {1}, {2}});
  }

  TEST_CASE("every epoch holds every example once, within the budget") {
    const auto lengths = some_lengths(100);
    const BatchPlan plan(lengths, 50, 7);
    for (const std::uint64_t epoch : {0, 1, 9}) {
      const auto batches = plan.epoch(epoch);
      for (const auto& batch : batches) {
        std::size_t tokens = 0;
        for (const auto example : batch) tokens += lengths[example];
        CHECK(tokens <= 50);
      }
      auto examples = flat(batches);
      std::ranges::sort(examples);
      std::vector<std::size_t> all(100);
      std::iota(all.begin(), all.end(), std::size_t{0});
      CHECK(examples == all);
    }
  }

  TEST_CASE("epochs are shuffled differently; the same seed and number give the same epoch") {
    const BatchPlan plan(some_lengths(100), 50, 7);
    CHECK(plan.epoch(3) == BatchPlan(some_lengths(100), 50, 7).epoch(3));
    CHECK(flat(plan.epoch(0)) != flat(plan.epoch(1)));
    CHECK(flat(plan.epoch(0)) != flat(BatchPlan(some_lengths(100), 50, 8).epoch(0)));
    CHECK(plan.batches(2) == plan.epoch(0).size() + plan.epoch(1).size());
  }
}

}  // namespace rl::language
