#include "rl/replay/selector.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "rl/core/error.h"
#include "support/selector_conformance.h"

namespace rl::replay {
namespace {

constexpr std::size_t kNumDraws = 200000;

std::vector<ItemIndex> first_items(std::size_t count) {
  std::vector<ItemIndex> items(count);
  std::iota(items.begin(), items.end(), ItemIndex{0});
  return items;
}

// Pearson's statistic of the draws against the probabilities, divided so that about 1 is right:
// (chi^2 - f) / sqrt(2 f) with f degrees of freedom is nearly standard normal.
double chi_square_z(const ItemSelector& selector, std::span<const double> probabilities) {
  RngStream random(11, RngRole::test, 0);
  std::vector<double> counts(probabilities.size());
  for (const Draw& one : draw(selector, random, kNumDraws)) {
    counts[one.item] += 1.0;
    REQUIRE(one.probability == doctest::Approx(probabilities[one.item]).epsilon(1e-12));
  }
  double chi_square = 0.0;
  double freedom = -1.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(kNumDraws);
    if (expected == 0.0) {
      REQUIRE(counts[i] == 0.0);
      continue;
    }
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    freedom += 1.0;
  }
  return (chi_square - freedom) / std::sqrt(2.0 * freedom);
}

TEST_SUITE("ItemSelector") {
  TEST_CASE("every selector keeps its set and rebuilds from its own order") {
    for (const Selector kind :
         {Selector::uniform, Selector::fifo, Selector::lifo, Selector::prioritized}) {
      CAPTURE(static_cast<int>(kind));
      check_selector([kind] { return make_selector(kind, 0.6); });
    }
  }

  TEST_CASE("a selector that does not exist is refused") {
    CHECK_THROWS_AS(make_selector(static_cast<Selector>(9), 1.0), Error);
  }

  TEST_CASE("uniform draws every item equally often") {
    const auto selector = make_selector(Selector::uniform, 1.0);
    selector->insert(first_items(50), 1.0);
    const std::vector<double> probabilities(50, 1.0 / 50.0);
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }

  TEST_CASE("fifo follows insertion order and lifo reverses it, across removals") {
    const auto fifo = make_selector(Selector::fifo, 1.0);
    const auto lifo = make_selector(Selector::lifo, 1.0);
    const std::vector<ItemIndex> inserted = {7, 3, 9, 1};
    const ItemIndex removed = 3;
    RngStream random(1, RngRole::test, 0);
    for (ItemSelector* selector : {fifo.get(), lifo.get()}) {
      selector->insert(inserted, 1.0);
      selector->remove({&removed, 1});
      selector->insert({&removed, 1}, 1.0);
    }
    CHECK(indices(draw(*fifo, random, 4)) == std::vector<ItemIndex>{7, 9, 1, 3});
    CHECK(indices(draw(*lifo, random, 4)) == std::vector<ItemIndex>{3, 1, 9, 7});
  }

  TEST_CASE("prioritized draws item i with probability p_i^alpha over the sum") {
    for (const double alpha : {0.0, 0.5, 1.0}) {
      CAPTURE(alpha);
      const auto selector = make_selector(Selector::prioritized, alpha);
      const auto items = first_items(100);
      std::vector<double> priorities;
      std::vector<double> probabilities;
      for (const ItemIndex item : items) priorities.push_back(1.0 + item % 7);
      double sum = 0.0;
      for (const double priority : priorities) sum += std::pow(priority, alpha);
      for (const double priority : priorities) {
        probabilities.push_back(std::pow(priority, alpha) / sum);
      }
      selector->insert(items, 1.0);
      selector->update(items, priorities);
      CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
    }
  }

  TEST_CASE("prioritized never draws an item of priority 0 beside others") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    const auto items = first_items(20);
    std::vector<double> priorities(20, 0.0);
    priorities[3] = 1.0;
    priorities[17] = 3.0;
    std::vector<double> probabilities(20, 0.0);
    probabilities[3] = 0.25;
    probabilities[17] = 0.75;
    selector->insert(items, 5.0);
    selector->update(items, priorities);
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }

  TEST_CASE("prioritized draws uniformly when all priorities are 0") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    selector->insert(first_items(30), 0.0);
    const std::vector<double> probabilities(30, 1.0 / 30.0);
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }

  TEST_CASE("one huge priority takes nearly all draws and leaves no trace when it goes") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    selector->insert(first_items(10), 1.0);
    const ItemIndex item = 4;
    const double huge = 1e308;
    const double normal = 1.0;
    selector->update({&item, 1}, {&huge, 1});
    RngStream random(1, RngRole::test, 0);
    for (const Draw& one : draw(*selector, random, 1000)) REQUIRE(one.item == 4);
    selector->update({&item, 1}, {&normal, 1});
    const std::vector<double> probabilities(10, 0.1);
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }

  TEST_CASE("many huge priorities keep finite probabilities") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    selector->insert(first_items(40), std::numeric_limits<double>::max());
    const std::vector<double> probabilities(40, 1.0 / 40.0);
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }

  TEST_CASE("the tiniest priorities are drawn in proportion too") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    const double tiniest = std::numeric_limits<double>::denorm_min();
    selector->insert(first_items(9), 0.0);
    const std::vector<ItemIndex> items = {2, 6};
    const std::vector<double> priorities = {tiniest, tiniest};
    selector->update(items, priorities);
    RngStream random(1, RngRole::test, 0);
    for (const Draw& one : draw(*selector, random, 1000)) {
      REQUIRE((one.item == 2 || one.item == 6));
      REQUIRE(one.probability == 0.5);
    }
    CHECK(selector->size() == 9);
  }

  TEST_CASE("of several priorities for one item in a batch the last counts") {
    const auto selector = make_selector(Selector::prioritized, 1.0);
    selector->insert(first_items(2), 1.0);
    const std::vector<ItemIndex> items = {0, 1, 0};
    const std::vector<double> priorities = {9.0, 1.0, 3.0};
    selector->update(items, priorities);
    const std::vector<double> probabilities = {0.75, 0.25};
    CHECK(std::abs(chi_square_z(*selector, probabilities)) < 4.0);
  }
}

}  // namespace
}  // namespace rl::replay
