// Where merges can never join two symbols, so that a long text falls into short words.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
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
  explicit Joints(const Vocabulary& vocabulary);
  void add(TokenId left, TokenId right);
  bool possible(TokenId left, TokenId right) const {
    return joints_.contains(key_of(left, right));
  }

 private:
  std::uint64_t key_of(TokenId left, TokenId right) const {
    return static_cast<std::uint64_t>(ends_[static_cast<std::size_t>(left)].last) << 32 |
           ends_[static_cast<std::size_t>(right)].first;
  }
  struct Ends {
    char32_t first = 0;
    char32_t last = 0;
  };
  std::vector<Ends> ends_;  // by token
  std::unordered_set<std::uint64_t> joints_;
};

// merge_word() of the stretches between impossible joints, one by one.
void merge_stretches(const MergeTable& merges, const Joints& joints,
                     std::vector<TokenId>& symbols);

}  // namespace rl::text
