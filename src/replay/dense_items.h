// Items without gaps, in an order that a seed makes repeatable.
#pragma once

#include <cstddef>
#include <vector>

#include "rl/replay/selector.h"
#include "src/replay/huge_pages.h"

namespace rl::replay {

// The set as an array without gaps: removing moves the last item into the hole.
// Threads: one at a time.
class DenseItems {
 public:
  void push_back(ItemIndex item) {
    if (item >= positions_.size()) positions_.resize(item + std::size_t{1});
    positions_[item] = static_cast<std::uint32_t>(items_.size());
    items_.push_back(item);
  }
  // Where the item was: the last position's item is there now.
  std::size_t remove(ItemIndex item) {
    const std::uint32_t hole = positions_[item];
    items_[hole] = items_.back();
    positions_[items_[hole]] = hole;
    items_.pop_back();
    return hole;
  }
  void clear() {
    items_.clear();
    positions_.clear();
  }

  std::size_t size() const { return items_.size(); }
  ItemIndex at(std::size_t position) const { return items_[position]; }
  std::size_t position(ItemIndex item) const { return positions_[item]; }
  std::vector<ItemIndex> items() const { return {items_.begin(), items_.end()}; }
  void prefetch_at(std::size_t position) const { __builtin_prefetch(&items_[position]); }
  void prefetch_position(ItemIndex item) const { __builtin_prefetch(&positions_[item]); }

 private:
  HugeVector<ItemIndex> items_;          // by position
  HugeVector<std::uint32_t> positions_;  // by item
};

}  // namespace rl::replay
