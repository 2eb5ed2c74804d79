// The merge rules of a BPE model, and how they act on a word.
#pragma once

#include <cstdint>
#include <vector>

#include "rl/text/tokenizer.h"

namespace rl::text {

// (left, right) -> rank and merged token, in an open-addressed table.
// Threads: find() by any number at once when nothing is added.
class MergeTable {
 public:
  struct Merge {
    std::int32_t rank = kNone;
    TokenId token = 0;
  };
  static constexpr std::int32_t kNone = INT32_MAX;

  explicit MergeTable(std::size_t expected);
  void set(TokenId left, TokenId right, Merge merge);  // at most `expected` different pairs
  Merge find(TokenId left, TokenId right) const {      // rank kNone when there is none
    const std::uint64_t key = key_of(left, right);
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return {};
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15U >> 20) & mask_;
  }

  std::size_t mask_;
  std::vector<Slot> slots_;
};

// Merges neighbours, the lowest rank first and the leftmost among equals, until none is left.
void merge_word(const MergeTable& merges, std::vector<TokenId>& symbols);

}  // namespace rl::text
