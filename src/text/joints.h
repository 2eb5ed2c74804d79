// Where merges can never join two symbols, so that a long text falls into short words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/text/merges.h"
#include "src/text/vocabulary.h"

namespace rl::text {

// A merge joins two tokens; the last character of the left and the first of the right are its
// joint. A token's text is that of its parts put together, so two neighbours whose characters are
// the joint of no merge stay apart whatever happens around them.
// Threads: immutable after the last add().
class Joints {
 public:
  // `merges`: how often add() is called at most.
  Joints(const Vocabulary& vocabulary, std::size_t merges);
  void add(TokenId left, TokenId right);
  bool possible(TokenId left, TokenId right) const {
    return possible(ends_[static_cast<std::size_t>(left)].last,
                    ends_[static_cast<std::size_t>(right)].first);
  }
  bool possible(char32_t last, char32_t first) const {
    const std::uint64_t joint = joint_of(last, first);
    for (std::size_t slot = slot_of(joint);; slot = (slot + 1) & mask_) {
      if (joints_[slot] == joint) return true;
      if (joints_[slot] == kEmpty) return false;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Ends {
    char32_t first = 0;
    char32_t last = 0;
  };
  static std::uint64_t joint_of(char32_t last, char32_t first) {
    return static_cast<std::uint64_t>(last) << 32 | first;
  }
  std::size_t slot_of(std::uint64_t joint) const {
    return static_cast<std::size_t>((joint ^ joint >> 29) * 0x9E3779B97F4A7C15U >> 20) & mask_;
  }

  std::vector<Ends> ends_;             // by token
  std::size_t mask_;
  std::vector<std::uint64_t> joints_;  // open-addressed
};

// merge_word() of the stretches between impossible joints, one by one.
void merge_stretches(const MergeTable& merges, const Joints& joints,
                     std::vector<TokenId>& symbols);

}  // namespace rl::text
