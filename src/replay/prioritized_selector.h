#pragma once

#include <vector>

#include "src/replay/dense_items.h"
#include "src/replay/weight_tree.h"

namespace rl::replay {

// Leaf k of the tree is the weight p^alpha of the item at position k, 0 behind the last.
class PrioritizedSelector final : public ItemSelector {
 public:
  explicit PrioritizedSelector(double alpha) : alpha_(alpha) {}

  void insert(std::span<const ItemIndex> items, double priority) override;
  void remove(std::span<const ItemIndex> items) override;
  void update(std::span<const ItemIndex> items, std::span<const double> priorities) override;
  void sample(RngStream& random, std::span<Draw> draws) const override;
  void clear() override;
  std::size_t size() const override { return items_.size(); }
  std::vector<ItemIndex> items() const override { return items_.items(); }

 private:
  double weight(double priority) const;
  void sample_uniform(RngStream& random, std::span<Draw> draws) const;

  double alpha_;
  DenseItems items_;
  WeightTree weights_;
};

}  // namespace rl::replay
