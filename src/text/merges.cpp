#include "src/text/merges.h"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>

namespace rl::text {
namespace {

using Merge = MergeTable::Merge;
constexpr std::size_t kShort = 64;  // up to here a scan of all ranks beats a queue

void merge_short(const MergeTable& merges, std::vector<TokenId>& symbols) {
  std::array<Merge, kShort> pairs;  // pairs[i]: of symbols i and i + 1
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) pairs[i] = merges.find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::kNone) break;
    symbols[best] = pairs[best].token;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i - 1] = pairs[i];
    }
    --count;
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
  symbols.resize(count);
}

// Symbols of a long word as a linked list, with a queue of the merges that are possible.
class LongWord {
 public:
  LongWord(const MergeTable& merges, const std::vector<TokenId>& symbols)
      : merges_(merges), nodes_(symbols.size()) {
    for (std::size_t i = 0; i < symbols.size(); ++i) nodes_[i] = {symbols[i], i - 1, i + 1, true};
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) consider(i);
  }

  void run() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      if (is_current(best)) merge(best);
    }
  }

  void collect(std::vector<TokenId>& symbols) const {
    symbols.clear();
    for (const Node& node : nodes_) {
      if (node.alive) symbols.push_back(node.token);
    }
  }

 private:
  struct Node {
    TokenId token = 0;
    std::size_t previous = 0;  // wraps below the first
    std::size_t next = 0;      // nodes_.size() after the last
    bool alive = false;
  };
  struct Candidate {
    Merge merge;
    std::size_t place = 0;
    bool operator<(const Candidate& other) const {  // the queue's top is the largest
      return merge.rank != other.merge.rank ? merge.rank > other.merge.rank : place > other.place;
    }
  };

  void consider(std::size_t place) {
    const Node& node = nodes_[place];
    if (node.next >= nodes_.size()) return;
    const Merge merge = merges_.find(node.token, nodes_[node.next].token);
    if (merge.rank != MergeTable::kNone) queue_.push({merge, place});
  }

  bool is_current(const Candidate& candidate) const {
    const Node& node = nodes_[candidate.place];
    if (!node.alive || node.next >= nodes_.size()) return false;
    const Merge now = merges_.find(node.token, nodes_[node.next].token);
    return now.rank == candidate.merge.rank;
  }

  void merge(const Candidate& candidate) {
    Node& node = nodes_[candidate.place];
    Node& right = nodes_[node.next];
    node.token = candidate.merge.token;
    node.next = right.next;
    right.alive = false;
    if (node.next < nodes_.size()) nodes_[node.next].previous = candidate.place;
    if (node.previous < nodes_.size()) consider(node.previous);
    consider(candidate.place);
  }

  const MergeTable& merges_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

MergeTable::MergeTable(std::size_t expected)
    : mask_(std::bit_ceil(expected * 2 + 2) - 1), slots_(mask_ + 1) {}

void MergeTable::set(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = key_of(left, right);
  std::size_t slot = slot_of(key);
  while (slots_[slot].key != kEmpty && slots_[slot].key != key) slot = (slot + 1) & mask_;
  slots_[slot] = {key, merge};
}

void merge_word(const MergeTable& merges, std::vector<TokenId>& symbols) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) return merge_short(merges, symbols);
  LongWord word(merges, symbols);
  word.run();
  word.collect(symbols);
}

}  // namespace rl::text
