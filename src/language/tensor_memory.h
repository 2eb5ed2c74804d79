// Memory of our own for tensors.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace rl::language {

// One zeroed block, cut into spans that start at multiples of 64 bytes. Threads: one at a time.
class TensorMemory {
 public:
  explicit TensorMemory(std::size_t bytes)
      : block_(new(std::align_val_t{kAlignment}) std::byte[bytes](), [](std::byte* block) {
          ::operator delete[](block, std::align_val_t{kAlignment});
        }) {}

  // What a span of so many bytes takes of the block.
  static std::size_t padded(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  std::span<std::byte> take(std::size_t bytes) {
    const std::span<std::byte> taken(block_.get() + used_, bytes);
    used_ += padded(bytes);
    return taken;
  }
  std::shared_ptr<const void> owner() const { return block_; }

 private:
  static constexpr std::size_t kAlignment = 64;

  std::shared_ptr<std::byte> block_;
  std::size_t used_ = 0;
};

}  // namespace rl::language
