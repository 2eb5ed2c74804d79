#include "src/core/block_cache.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace rl {
namespace {

constexpr std::size_t kBlock = 4096;

TEST_SUITE("block cache") {
  TEST_CASE("blocks are aligned, of any size") {
    BlockCache cache;
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{1000}, kBlock, kBlock * 1000}) {
      std::byte* const block = cache.take(bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % BlockCache::kAlignment == 0);
      cache.give_back(block, bytes);
    }
  }

#if !defined(__SANITIZE_ADDRESS__)
  TEST_CASE("a block that came back is the next one of its size, and of no other") {
    BlockCache cache;
    std::byte* const first = cache.take(kBlock);
    cache.give_back(first, kBlock);
    CHECK(cache.num_bytes() == kBlock);
    std::byte* const other = cache.take(2 * kBlock);
    CHECK(other != first);
    CHECK(cache.num_bytes() == kBlock);
    CHECK(cache.take(kBlock) == first);
    CHECK(cache.num_bytes() == 0);
    cache.give_back(first, kBlock);
    cache.give_back(other, 2 * kBlock);
    CHECK(cache.num_bytes() == 3 * kBlock);
  }
#endif

  TEST_CASE("no more than its limit is kept, and small blocks not at all") {
    BlockCache cache;
    std::vector<std::byte*> blocks;
    for (std::size_t i = 0; i < 2 * BlockCache::kMostBytes / kBlock; ++i) {
      blocks.push_back(cache.take(kBlock));
    }
    for (std::byte* const block : blocks) cache.give_back(block, kBlock);
    CHECK(cache.num_bytes() <= BlockCache::kMostBytes);
    const std::size_t before = cache.num_bytes();
    cache.give_back(cache.take(64), 64);
    cache.give_back(cache.take(2 * BlockCache::kMostBytes), 2 * BlockCache::kMostBytes);
    CHECK(cache.num_bytes() == before);
  }

  TEST_CASE("threads may take and give back at once") {
    BlockCache cache;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&cache, t] {
        for (int i = 0; i < 1000; ++i) {
          const std::size_t bytes = kBlock * static_cast<std::size_t>(1 + (i + t) % 3);
          std::byte* const block = cache.take(bytes);
          block[0] = block[bytes - 1] = static_cast<std::byte>(t);
          cache.give_back(block, bytes);
        }
      });
    }
    threads.clear();
    CHECK(cache.num_bytes() <= BlockCache::kMostBytes);
  }
}

}  // namespace
}  // namespace rl
