#include "src/replay/prioritized_selector.h"

#include <algorithm>
#include <cmath>

namespace rl::replay {
namespace {

constexpr double kMaxWeight = 1e290;  // times 2^32 items it is still finite

}  // namespace

double PrioritizedSelector::weight(double priority) const {
  return std::min(std::pow(priority, alpha_), kMaxWeight);
}

void PrioritizedSelector::insert(std::span<const ItemIndex> items, double priority) {
  weights_.reserve_leaves(items_.size() + items.size());
  const double new_weight = weight(priority);
  std::vector<std::uint32_t> leaves;
  leaves.reserve(items.size());
  for (const ItemIndex item : items) {
    leaves.push_back(static_cast<std::uint32_t>(items_.size()));
    weights_.write(items_.size(), new_weight);
    items_.push_back(item);
  }
  weights_.refresh(leaves);
}

void PrioritizedSelector::remove(std::span<const ItemIndex> items) {
  std::vector<std::uint32_t> leaves;
  leaves.reserve(2 * items.size());
  for (const ItemIndex item : items) {
    const std::size_t hole = items_.remove(item);
    const std::size_t last = items_.size();
    weights_.write(hole, weights_.leaf(last));
    weights_.write(last, 0.0);
    leaves.push_back(static_cast<std::uint32_t>(hole));
    leaves.push_back(static_cast<std::uint32_t>(last));
  }
  weights_.refresh(leaves);
}

void PrioritizedSelector::update(std::span<const ItemIndex> items,
                                 std::span<const double> priorities) {
  std::vector<std::uint32_t> leaves(items.size());
  for (const ItemIndex item : items) items_.prefetch_position(item);
  for (std::size_t i = 0; i < items.size(); ++i) {
    leaves[i] = static_cast<std::uint32_t>(items_.position(items[i]));
    weights_.prefetch_leaf(leaves[i]);
  }
  for (std::size_t i = 0; i < items.size(); ++i) weights_.write(leaves[i], weight(priorities[i]));
  weights_.refresh(leaves);
}

void PrioritizedSelector::sample(RngStream& random, std::span<Draw> draws) const {
  const double total = weights_.total();
  if (!(total > 0.0)) return sample_uniform(random, draws);
  std::vector<WeightTree::Descent> descents(draws.size());
  for (auto& descent : descents) descent.target = random.uniform() * total;
  weights_.descend(descents);
  for (const auto& descent : descents) items_.prefetch_at(descent.index);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    draws[i] = {items_.at(descents[i].index), weights_.leaf(descents[i].index) / total};
  }
}

void PrioritizedSelector::sample_uniform(RngStream& random, std::span<Draw> draws) const {
  const std::size_t num_items = items_.size();
  for (Draw& draw : draws) {
    draw = {items_.at(random.below(num_items)), 1.0 / static_cast<double>(num_items)};
  }
}

void PrioritizedSelector::clear() {
  items_.clear();
  weights_.clear();
}

}  // namespace rl::replay
