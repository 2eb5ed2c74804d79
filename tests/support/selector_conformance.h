// What every item selector must do, whatever way it chooses.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "rl/replay/selector.h"

namespace rl::replay {

using SelectorFactory = std::function<std::unique_ptr<ItemSelector>()>;

inline std::vector<Draw> draw(const ItemSelector& selector, RngStream& random, std::size_t count) {
  std::vector<Draw> draws(count);
  selector.sample(random, draws);
  return draws;
}

inline std::vector<ItemIndex> indices(const std::vector<Draw>& draws) {
  std::vector<ItemIndex> items;
  for (const Draw& one : draws) items.push_back(one.item);
  return items;
}

// Random inserts, removes and updates against a plain set; then the order promise of items().
inline void check_selector_against_set(const SelectorFactory& make, std::uint64_t seed) {
  const auto selector = make();
  RngStream random(seed, RngRole::test, 0);
  std::vector<double> priorities(64);
  std::set<ItemIndex> present;
  for (int round = 0; round < 3000; ++round) {
    const auto item = static_cast<ItemIndex>(random.below(priorities.size()));
    const double priority = random.below(4) == 0 ? 0.0 : random.uniform(0.1, 10.0);
    if (!present.contains(item)) {
      selector->insert({&item, 1}, priority);
      present.insert(item);
      priorities[item] = priority;
    } else if (random.below(3) == 0) {
      selector->remove({&item, 1});
      present.erase(item);
    } else {
      selector->update({&item, 1}, {&priority, 1});
      priorities[item] = priority;
    }
    REQUIRE(selector->size() == present.size());
    const auto items = selector->items();
    REQUIRE(std::set<ItemIndex>(items.begin(), items.end()) == present);
    if (present.empty()) continue;
    for (const Draw& one : draw(*selector, random, std::min<std::size_t>(3, present.size()))) {
      REQUIRE(present.contains(one.item));
      REQUIRE(one.probability > 0.0);
      REQUIRE(one.probability <= 1.0);
    }
  }

  const auto order = selector->items();
  std::vector<double> in_order;
  for (const ItemIndex item : order) in_order.push_back(priorities[item]);
  const auto rebuilt = make();
  rebuilt->insert(order, 0.0);
  rebuilt->update(order, in_order);
  RngStream first(seed, RngRole::test, 1);
  RngStream second(seed, RngRole::test, 1);
  for (int round = 0; round < 200; ++round) {
    const auto expected = draw(*selector, first, std::min<std::size_t>(5, order.size()));
    const auto got = draw(*rebuilt, second, expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      REQUIRE(got[i].item == expected[i].item);
      REQUIRE(got[i].probability == expected[i].probability);
    }
  }
}

inline void check_selector_can_be_cleared(const SelectorFactory& make) {
  const auto selector = make();
  const std::vector<ItemIndex> items = {5, 2, 9};
  selector->insert(items, 1.0);
  selector->clear();
  CHECK(selector->size() == 0);
  CHECK(selector->items().empty());
  const ItemIndex item = 2;
  selector->insert({&item, 1}, 1.0);
  RngStream random(1, RngRole::test, 0);
  CHECK(indices(draw(*selector, random, 1)) == std::vector<ItemIndex>{2});
}

inline void check_selector(const SelectorFactory& make) {
  for (const std::uint64_t seed : {1, 2, 3}) check_selector_against_set(make, seed);
  check_selector_can_be_cleared(make);
}

}  // namespace rl::replay
