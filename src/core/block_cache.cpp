#include "src/core/block_cache.h"

#include <algorithm>
#include <new>

namespace rl {
namespace {

constexpr std::size_t kMostLookedAt = 16;  // of the newest: mostly the first one fits

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;  // so that a use after the end is seen
#else
constexpr bool kKeeps = true;
#endif

std::byte* allocate(std::size_t bytes) {
  return static_cast<std::byte*>(
      ::operator new[](bytes, std::align_val_t{BlockCache::kAlignment}));
}

void release(std::byte* block) {
  ::operator delete[](block, std::align_val_t{BlockCache::kAlignment});
}

bool is_kept(std::size_t bytes) {
  return kKeeps && bytes >= BlockCache::kLeastKept && bytes <= BlockCache::kMostBytes;
}

}  // namespace

BlockCache& BlockCache::instance() {
  static auto* const cache = new BlockCache;
  return *cache;
}

BlockCache::~BlockCache() {
  for (const Kept& one : kept_) release(one.block);
}

std::byte* BlockCache::take(std::size_t bytes) {
  if (!is_kept(bytes)) return allocate(bytes);
  {
    const std::lock_guard lock(mutex_);
    const auto fits = [&](const Kept& one) { return one.bytes == bytes; };
    const auto end = kept_.rbegin() + std::min(kMostLookedAt, kept_.size());
    const auto found = std::find_if(kept_.rbegin(), end, fits);
    if (found != end) {
      std::byte* const block = found->block;
      kept_.erase(std::next(found).base());
      num_bytes_ -= bytes;
      return block;
    }
  }
  return allocate(bytes);
}

void BlockCache::give_back(std::byte* block, std::size_t bytes) {
  if (!is_kept(bytes)) return release(block);
  const std::lock_guard lock(mutex_);
  try {
    kept_.push_back({block, bytes});
  } catch (const std::bad_alloc&) {  // whoever destroys a fragment must not be told
    return release(block);
  }
  num_bytes_ += bytes;
  for (; num_bytes_ > kMostBytes; kept_.pop_front()) {
    release(kept_.front().block);
    num_bytes_ -= kept_.front().bytes;
  }
}

std::size_t BlockCache::num_bytes() const {
  const std::lock_guard lock(mutex_);
  return num_bytes_;
}

}  // namespace rl
