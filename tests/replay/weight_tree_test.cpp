#include "src/replay/weight_tree.h"

#include <doctest/doctest.h>

#include "rl/core/rng.h"

namespace rl::replay {
namespace {

void set(WeightTree& tree, std::uint32_t leaf, double weight) {
  tree.write(leaf, weight);
  tree.refresh({&leaf, 1});
}

TEST_SUITE("WeightTree") {
  TEST_CASE("an empty tree sums to 0") { CHECK(WeightTree().total() == 0.0); }

  TEST_CASE("growing through every size keeps the sum of all leaves") {
    WeightTree tree;
    double sum = 0.0;
    for (std::uint32_t leaf = 0; leaf < 5000; ++leaf) {
      tree.reserve_leaves(leaf + 1);
      set(tree, leaf, 1.0 + leaf % 3);
      sum += 1.0 + leaf % 3;
      REQUIRE(tree.total() == sum);
    }
  }

  TEST_CASE("growing by much at once keeps the leaves that were there") {
    WeightTree tree;
    tree.reserve_leaves(3);
    set(tree, 1, 2.0);
    tree.reserve_leaves(100000);
    CHECK(tree.total() == 2.0);
    set(tree, 99999, 0.5);
    CHECK(tree.total() == 2.5);
  }

  TEST_CASE("sums depend on the leaves alone, not on what they were before") {
    constexpr std::uint32_t kNumLeaves = 1000;
    RngStream random(5, RngRole::test, 0);
    WeightTree wandered;
    wandered.reserve_leaves(kNumLeaves);
    for (int i = 0; i < 20000; ++i) {
      const double scale = random.below(2) == 0 ? 1e200 : 1e-200;
      set(wandered, static_cast<std::uint32_t>(random.below(kNumLeaves)), scale * random.uniform());
    }
    WeightTree fresh;
    fresh.reserve_leaves(kNumLeaves);
    for (std::uint32_t leaf = 0; leaf < kNumLeaves; ++leaf) {
      const double weight = random.uniform();
      set(wandered, leaf, weight);
      set(fresh, leaf, weight);
    }
    CHECK(wandered.total() == fresh.total());
  }

  TEST_CASE("a batch of writes sums like the same writes one by one") {
    constexpr std::uint32_t kNumLeaves = 3000;
    RngStream random(6, RngRole::test, 0);
    WeightTree batched;
    WeightTree single;
    batched.reserve_leaves(kNumLeaves);
    single.reserve_leaves(kNumLeaves);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::uint32_t> leaves(1 + random.below(300));
      for (std::uint32_t& leaf : leaves) {
        leaf = static_cast<std::uint32_t>(random.below(kNumLeaves));
        const double weight = random.uniform();
        batched.write(leaf, weight);
        set(single, leaf, weight);
      }
      batched.refresh(leaves);
      REQUIRE(batched.total() == single.total());
    }
  }

  TEST_CASE("a target ends at the leaf whose interval holds it") {
    WeightTree tree;
    tree.reserve_leaves(700);
    for (std::uint32_t leaf = 0; leaf < 700; ++leaf) set(tree, leaf, leaf % 2 == 0 ? 0.0 : 2.0);
    for (std::uint32_t k = 0; k < 350; ++k) {
      WeightTree::Descent descents[] = {{0, 2.0 * k}, {0, 2.0 * k + 1.75}};
      tree.descend(descents);
      REQUIRE(descents[0].index == 2 * k + 1);
      REQUIRE(descents[1].index == 2 * k + 1);
    }
  }

  TEST_CASE("a target rounded up to the total still ends at a leaf with weight") {
    WeightTree tree;
    tree.reserve_leaves(100);
    set(tree, 20, 1.0);
    set(tree, 70, 1.0);
    WeightTree::Descent descent{0, 2.0};
    tree.descend({&descent, 1});
    CHECK(descent.index == 70);
  }
}

}  // namespace
}  // namespace rl::replay
