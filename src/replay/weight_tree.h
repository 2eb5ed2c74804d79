// Sums over non-negative weights, for drawing in proportion to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/replay/huge_pages.h"

namespace rl::replay {

// A tree of fanout 8: a node's eight children fill one cache line, so the path to one of 10^7
// leaves is seven lines. An inner value is always the sum of its eight children added from left to
// right, never a running difference: sums do not drift, and equal leaves give equal bytes whatever
// happened before.
// Threads: one at a time.
class WeightTree {
 public:
  // Leaves beyond the size so far are 0. Never shrinks.
  void reserve_leaves(std::size_t num_leaves);
  // Writes a leaf without its sums: call refresh with all leaves written before anything else.
  void write(std::size_t leaf, double weight) { nodes_[0][leaf / 8].child[leaf % 8] = weight; }
  void refresh(std::span<std::uint32_t> leaves);  // overwrites the span
  void clear() { nodes_.clear(); }

  double leaf(std::size_t index) const { return nodes_[0][index / 8].child[index % 8]; }
  void prefetch_leaf(std::size_t index) const { __builtin_prefetch(&nodes_[0][index / 8], 1); }
  double total() const;

  // One draw: `target` in [0, total()) becomes the leaf whose interval holds it.
  struct Descent {
    std::uint32_t index;
    double target;
  };
  // All descents together, level by level, so that their cache misses overlap. Needs total() > 0;
  // never ends at a leaf of weight 0.
  void descend(std::span<Descent> descents) const;

 private:
  struct alignas(64) Node {
    double child[8] = {};
    double sum() const;
  };

  std::vector<HugeVector<Node>> nodes_;  // [0] holds the leaves, back() is one node
};

}  // namespace rl::replay
