#include "src/text/word_cache.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace rl::text {

WordCache& WordCache::of_this_thread() {
  thread_local const std::unique_ptr<WordCache> cache = std::make_unique<WordCache>();
  return *cache;
}

std::size_t WordCache::place_of(std::uint64_t owner, std::string_view word) {
  constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15U;
  std::uint64_t hash = owner * multiplier ^ word.size();
  std::size_t at = 0;
  for (; at + 8 <= word.size(); at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, word.data() + at, 8);
    hash = (hash ^ eight) * multiplier;
    hash ^= hash >> 32;
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, word.data() + at, word.size() - at);
  hash = (hash ^ rest) * multiplier;
  return static_cast<std::size_t>(hash >> 40) % kEntries;
}

std::span<const TokenId> WordCache::find(std::uint64_t owner, std::string_view word) const {
  const Entry& entry = entries_[place_of(owner, word)];
  if (entry.owner != owner || entry.length != word.size() ||
      std::memcmp(entry.word.data(), word.data(), word.size()) != 0) {
    return {};
  }
  return {entry.ids.data(), entry.count};
}

void WordCache::store(std::uint64_t owner, std::string_view word, std::span<const TokenId> ids) {
  if (ids.empty() || ids.size() > kMaxTokens) return;
  Entry& entry = entries_[place_of(owner, word)];
  entry.owner = owner;
  entry.length = static_cast<std::uint8_t>(word.size());
  entry.count = static_cast<std::uint8_t>(ids.size());
  std::copy(word.begin(), word.end(), entry.word.begin());
  std::copy(ids.begin(), ids.end(), entry.ids.begin());
}

}  // namespace rl::text
