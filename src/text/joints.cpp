#include "src/text/joints.h"

#include <utility>

#include "src/text/utf8.h"

namespace rl::text {

Joints::Joints(const Vocabulary& vocabulary) : ends_(vocabulary.end()) {
  for (const auto& [token, id] : vocabulary.ids()) {
    if (token.empty()) continue;
    ends_[static_cast<std::size_t>(id)] = {first_character(token).code,
                                           last_character(token).code};
  }
}

void Joints::add(TokenId left, TokenId right) { joints_.insert(key_of(left, right)); }

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
