// Pages of a key and value cache, shared by counting their owners.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "rl/language/model_config.h"

namespace rl::language {

// What one page holds: for every layer keys and values, [positions, row] floats each.
struct PageShape {
  std::size_t layers = 0;
  std::size_t positions = 0;  // per page
  std::size_t row = 0;        // key_value_heads * head_dim
};

// Throws Error naming the option when a page would be empty or its size overflow.
PageShape page_shape(const ModelConfig& config, std::size_t page_size);

using PageId = std::uint32_t;

// Memory grows with the pages in use, up to `capacity` pages, and is kept for the next owner.
// Threads: one thread at a time.
class PagePool {
 public:
  PagePool(PageShape shape, std::size_t capacity);
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  PageId take();              // with one owner; needs available() > 0
  void share(PageId page);    // one owner more
  void release(PageId page);  // one owner less; the last one gives it back
  bool shared(PageId page) const { return pages_[page].owners > 1; }
  void copy(PageId from, PageId to);

  float* keys(PageId page, std::size_t layer) const { return part(page, 2 * layer); }
  float* values(PageId page, std::size_t layer) const { return part(page, 2 * layer + 1); }

  const PageShape& shape() const { return shape_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t in_use() const { return pages_.size() - free_.size(); }
  std::size_t available() const { return capacity_ - in_use(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Deleter {
    void operator()(float* memory) const { ::operator delete(memory, kAlignment); }
  };
  struct Page {
    std::unique_ptr<float, Deleter> memory;
    std::size_t owners = 0;
  };
  std::size_t floats_per_page() const { return 2 * shape_.layers * shape_.positions * shape_.row; }
  float* part(PageId page, std::size_t index) const {
    return pages_[page].memory.get() + index * shape_.positions * shape_.row;
  }

  PageShape shape_;
  std::size_t capacity_;
  std::vector<Page> pages_;
  std::vector<PageId> free_;
};

}  // namespace rl::language
