#include "src/replay/weight_tree.h"

namespace rl::replay {

double WeightTree::Node::sum() const {
  double sum = 0.0;
  for (const double weight : child) sum += weight;
  return sum;
}

double WeightTree::total() const { return nodes_.empty() ? 0.0 : nodes_.back()[0].sum(); }

void WeightTree::reserve_leaves(std::size_t num_leaves) {
  std::size_t num_nodes = (num_leaves + 7) / 8;
  for (std::size_t level = 0; num_nodes > 0; ++level) {
    const bool is_new = level == nodes_.size();
    if (is_new) nodes_.emplace_back();
    if (nodes_[level].size() < num_nodes) nodes_[level].resize(num_nodes);
    // A new top level starts with what the level below holds already.
    if (is_new && level > 0) nodes_[level][0].child[0] = nodes_[level - 1][0].sum();
    if (nodes_[level].size() == 1) break;
    num_nodes = (nodes_[level].size() + 7) / 8;
  }
}

void WeightTree::refresh(std::span<std::uint32_t> leaves) {
  for (std::size_t level = 0; level + 1 < nodes_.size(); ++level) {
    const auto& from = nodes_[level];
    auto& to = nodes_[level + 1];
    const auto refresh_node = [&](std::size_t node) {
      to[node / 8].child[node % 8] = from[node].sum();
    };
    if (from.size() <= leaves.size()) {
      for (std::size_t node = 0; node < from.size(); ++node) refresh_node(node);
      continue;
    }
    for (std::uint32_t& index : leaves) __builtin_prefetch(&to[(index /= 8) / 8], 1);
    for (const std::uint32_t node : leaves) refresh_node(node);
  }
}

void WeightTree::descend(std::span<Descent> descents) const {
  for (Descent& descent : descents) descent.index = 0;
  for (std::size_t level = nodes_.size(); level-- > 0;) {
    for (Descent& descent : descents) {
      const Node& node = nodes_[level][descent.index];
      double prefix = 0.0;
      double before = 0.0;
      std::uint32_t child = 0;
      for (const double weight : node.child) {
        prefix += weight;
        const bool is_left = prefix <= descent.target;
        before = is_left ? prefix : before;
        child += is_left ? 1 : 0;
      }
      // Rounding can leave the target at the node's end or beyond: the last child with any weight.
      if (child == 8) {
        do --child;
        while (child > 0 && !(node.child[child] > 0.0));
      }
      descent.target -= before;
      descent.index = descent.index * 8 + child;
      if (level > 0) __builtin_prefetch(&nodes_[level - 1][descent.index]);
    }
  }
}

}  // namespace rl::replay
