#pragma once

#include <vector>

#include "src/replay/dense_items.h"

namespace rl::replay {

class UniformSelector final : public ItemSelector {
 public:
  void insert(std::span<const ItemIndex> items, double priority) override;
  void remove(std::span<const ItemIndex> items) override;
  void update(std::span<const ItemIndex> items, std::span<const double> priorities) override;
  void sample(RngStream& random, std::span<Draw> draws) const override;
  void clear() override { items_.clear(); }
  std::size_t size() const override { return items_.size(); }
  std::vector<ItemIndex> items() const override { return items_.items(); }

 private:
  DenseItems items_;
};

}  // namespace rl::replay
