#include "src/replay/ordered_selector.h"

namespace rl::replay {

void OrderedSelector::insert(std::span<const ItemIndex> items, double) {
  for (const ItemIndex item : items) {
    if (item >= links_.size()) links_.resize(item + std::size_t{1});
    links_[item] = {.older = newest_, .newer = kNone};
    (newest_ == kNone ? oldest_ : links_[newest_].newer) = item;
    newest_ = item;
  }
  size_ += items.size();
}

void OrderedSelector::remove(std::span<const ItemIndex> items) {
  for (const ItemIndex item : items) {
    const auto [older, newer] = links_[item];
    (older == kNone ? oldest_ : links_[older].newer) = newer;
    (newer == kNone ? newest_ : links_[newer].older) = older;
  }
  size_ -= items.size();
}

void OrderedSelector::update(std::span<const ItemIndex>, std::span<const double>) {}

void OrderedSelector::sample(RngStream&, std::span<Draw> draws) const {
  ItemIndex item = newest_first_ ? newest_ : oldest_;
  for (Draw& draw : draws) {
    draw = {item, 1.0};
    item = newest_first_ ? links_[item].older : links_[item].newer;
  }
}

void OrderedSelector::clear() {
  links_.clear();
  oldest_ = kNone;
  newest_ = kNone;
  size_ = 0;
}

std::vector<ItemIndex> OrderedSelector::items() const {
  std::vector<ItemIndex> items;
  items.reserve(size_);
  for (ItemIndex item = oldest_; item != kNone; item = links_[item].newer) items.push_back(item);
  return items;
}

}  // namespace rl::replay
