// Memory of sent messages, lent out again.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "src/transport/envelope.h"

namespace rl::transport {

// A stream of large messages in fresh memory costs a page fault per 4 KiB; the last one's memory
// is mapped already and likely in the cache. Keeps at most kMostBytes.
// Threads: any. Buffers come back on libzmq's threads, and may outlive the pool's owner.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  // An empty buffer, with the capacity of the one that came back last.
  Bytes take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    Bytes buffer = std::move(free_.back());
    free_.pop_back();
    free_bytes_ -= buffer.capacity();
    buffer.clear();
    return buffer;
  }

  // Comes back to the pool with its last share.
  SharedBytes share(Bytes message) {
    auto owned = std::make_unique<Bytes>(std::move(message));
    const auto give_back = [pool = shared_from_this()](Bytes* bytes) {
      const std::unique_ptr<Bytes> returned(bytes);
      const std::lock_guard lock(pool->mutex_);
      if (pool->free_bytes_ + returned->capacity() > kMostBytes) return;
      pool->free_bytes_ += returned->capacity();
      pool->free_.push_back(std::move(*returned));
    };
    return std::shared_ptr<Bytes>(owned.release(), give_back);
  }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;

  std::mutex mutex_;
  std::vector<Bytes> free_{};
  std::size_t free_bytes_ = 0;
};

}  // namespace rl::transport
