#include "src/text/joints.h"

#include <bit>
#include <utility>

#include "src/text/utf8.h"

namespace rl::text {

Joints::Joints(const Vocabulary& vocabulary, std::size_t merges)
    : ends_(vocabulary.end()),
      mask_(std::bit_ceil(merges * 2 + 2) - 1),
      joints_(mask_ + 1, kEmpty) {
  for (const auto& [token, id] : vocabulary.ids()) {
    if (token.empty()) continue;
    ends_[static_cast<std::size_t>(id)] = {first_character(token).code,
                                           last_character(token).code};
  }
}

void Joints::add(TokenId left, TokenId right) {
  const std::uint64_t joint = joint_of(ends_[static_cast<std::size_t>(left)].last,
                                       ends_[static_cast<std::size_t>(right)].first);
  std::size_t slot = slot_of(joint);
  while (joints_[slot] != kEmpty && joints_[slot] != joint) slot = (slot + 1) & mask_;
  joints_[slot] = joint;
}

void merge_stretches(const MergeTable& merges, const Joints& joints,
                     std::vector<TokenId>& symbols) {
  std::vector<TokenId> merged;
  std::vector<TokenId> stretch;
  for (std::size_t begin = 0; begin < symbols.size();) {
    std::size_t end = begin + 1;
    while (end < symbols.size() && joints.possible(symbols[end - 1], symbols[end])) ++end;
    stretch.assign(symbols.begin() + static_cast<std::ptrdiff_t>(begin),
                   symbols.begin() + static_cast<std::ptrdiff_t>(end));
    merge_word(merges, stretch);
    merged.insert(merged.end(), stretch.begin(), stretch.end());
    begin = end;
  }
  symbols = std::move(merged);
}

}  // namespace rl::text
