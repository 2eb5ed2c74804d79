// Memory of fragments that are gone, kept for the next ones.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>

namespace rl {

// 64-byte aligned memory. A stream of large fragments in fresh memory costs a page fault per 4 KiB,
// and giving it back an unmapping; blocks of a run are mostly of one size, so that the last one
// freed fits the next. Small blocks, and what is beyond kMostBytes, go to the allocator.
// Threads: any.
class BlockCache {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kLeastKept = 1024;                   // bytes of a block
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;   // in all

  BlockCache() = default;
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  static BlockCache& instance();  // of the process: never destroyed, as fragments may outlive it

  std::byte* take(std::size_t bytes);
  void give_back(std::byte* block, std::size_t bytes);  // with the bytes that take() was told
  std::size_t num_bytes() const;                        // kept now

 private:
  struct Kept {
    std::byte* block;
    std::size_t bytes;
  };
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;  // the newest last
  std::size_t num_bytes_ = 0;
};

}  // namespace rl
