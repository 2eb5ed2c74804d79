// How a table chooses the items it samples and the items it removes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rl/core/rng.h"

namespace rl::replay {

enum class Selector : std::uint8_t { uniform, fifo, lifo, prioritized };

// Place of a resident item in its table. A new item takes the place of a removed one, so places
// stay dense: at most the largest number of items ever resident.
using ItemIndex = std::uint32_t;

struct Draw {
  ItemIndex item = 0;
  double probability = 1.0;  // with which this draw chose it
};

// A set of items and one way to choose among them. A table holds two over the same items, one to
// sample and one to remove, so every pair of ways works.
// Threads: one at a time (the table's lock guards it).
// Spans name each item at most once, except in `update`, where the last priority given wins.
class ItemSelector {
 public:
  virtual ~ItemSelector() = default;

  // Items not in the set yet, all with one priority, finite and >= 0.
  virtual void insert(std::span<const ItemIndex> items, double priority) = 0;
  // Items of the set.
  virtual void remove(std::span<const ItemIndex> items) = 0;
  // Items of the set and a priority each. Without effect on uniform, fifo and lifo.
  virtual void update(std::span<const ItemIndex> items, std::span<const double> priorities) = 0;
  // Fills all draws. uniform and prioritized: independent draws with replacement, which need one
  // item. fifo and lifo: the first draws.size() items in order, which must be there.
  virtual void sample(RngStream& random, std::span<Draw> draws) const = 0;
  virtual void clear() = 0;
  virtual std::size_t size() const = 0;
  // The set in the order in which inserting it into an empty selector (and then updating
  // priorities) makes one whose future draws have the same bytes.
  virtual std::vector<ItemIndex> items() const = 0;
};

// uniform     every item with probability 1 / size.
// fifo, lifo  the oldest, or newest, first.
// prioritized item i with probability p_i^alpha / sum_j p_j^alpha (Schaul et al. 2016, "Prioritized
//             experience replay", equation 1), without stratification. p^alpha is capped at 1e290
//             so that sums stay finite; when all are 0 the draw is uniform. A remover of this kind
//             takes items of high priority first.
// Throws Error for any other kind.
std::unique_ptr<ItemSelector> make_selector(Selector kind, double alpha);

}  // namespace rl::replay
