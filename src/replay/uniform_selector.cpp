#include "src/replay/uniform_selector.h"

namespace rl::replay {

void UniformSelector::insert(std::span<const ItemIndex> items, double) {
  for (const ItemIndex item : items) items_.push_back(item);
}

void UniformSelector::remove(std::span<const ItemIndex> items) {
  for (const ItemIndex item : items) items_.remove(item);
}

void UniformSelector::update(std::span<const ItemIndex>, std::span<const double>) {}

void UniformSelector::sample(RngStream& random, std::span<Draw> draws) const {
  const double probability = 1.0 / static_cast<double>(items_.size());
  for (Draw& draw : draws) {
    draw = {static_cast<ItemIndex>(random.below(items_.size())), probability};
    items_.prefetch_at(draw.item);
  }
  for (Draw& draw : draws) draw.item = items_.at(draw.item);
}

}  // namespace rl::replay
