// Words seen lately with their ids: text repeats itself.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "rl/text/tokenizer.h"

namespace rl::text {

// A direct-mapped table of short words, one per thread for all tokenizers: an entry says whose it
// is. Threads: one at a time (each has its own).
class WordCache {
 public:
  static constexpr std::size_t kMaxBytes = 22;
  static constexpr std::size_t kMaxTokens = 8;

  static WordCache& of_this_thread();

  static bool fits(std::string_view word) { return word.size() <= kMaxBytes; }
  // The ids, or empty. `owner` is not 0.
  std::span<const TokenId> find(std::uint64_t owner, std::string_view word) const;
  void store(std::uint64_t owner, std::string_view word, std::span<const TokenId> ids);

 private:
  struct Entry {
    std::uint64_t owner = 0;
    std::uint8_t length = 0;
    std::uint8_t count = 0;
    std::array<char, kMaxBytes> word{};
    std::array<TokenId, kMaxTokens> ids{};
  };
  static constexpr std::size_t kEntries = 16384;

  static std::size_t place_of(std::uint64_t owner, std::string_view word);

  std::array<Entry, kEntries> entries_{};
};

}  // namespace rl::text
