#pragma once

#include <limits>
#include <vector>

#include "rl/replay/selector.h"
#include "src/replay/huge_pages.h"

namespace rl::replay {

// fifo and lifo: one linked list, read from its old or its new end.
class OrderedSelector final : public ItemSelector {
 public:
  explicit OrderedSelector(bool newest_first) : newest_first_(newest_first) {}

  void insert(std::span<const ItemIndex> items, double priority) override;
  void remove(std::span<const ItemIndex> items) override;
  void update(std::span<const ItemIndex> items, std::span<const double> priorities) override;
  void sample(RngStream& random, std::span<Draw> draws) const override;
  void clear() override;
  std::size_t size() const override { return size_; }
  std::vector<ItemIndex> items() const override;  // oldest first

 private:
  static constexpr ItemIndex kNone = std::numeric_limits<ItemIndex>::max();
  struct Links {
    ItemIndex older = kNone;
    ItemIndex newer = kNone;
  };

  bool newest_first_;
  HugeVector<Links> links_;  // by item
  ItemIndex oldest_ = kNone;
  ItemIndex newest_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace rl::replay
