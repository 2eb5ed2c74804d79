// Pages of a key and value cache, shared by counting their owners.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "rl/language/logit_model.h"

namespace rl::language {

// Memory grows with the pages in use, up to `capacity` pages, and is kept for the next owner.
// Threads: one thread at a time.
class PagePool {
 public:
  PagePool(const PageShape& shape, std::size_t capacity);  // in the CPU's memory
  PagePool(const PageShape& shape, std::size_t capacity, std::unique_ptr<PageMemory> memory);
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  PageId take();              // with one owner; needs available() > 0
  void share(PageId page);    // one owner more
  void release(PageId page);  // one owner less; the last one gives it back
  bool shared(PageId page) const { return pages_[page].owners > 1; }
  void copy(PageId from, PageId to) { memory_->copy(from, to); }

  // nullptr where the pages are a device's.
  float* keys(PageId page, std::size_t layer) const { return part(page, 2 * layer); }
  float* values(PageId page, std::size_t layer) const { return part(page, 2 * layer + 1); }

  const PageShape& shape() const { return shape_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t in_use() const { return pages_.size() - free_.size(); }
  std::size_t available() const { return capacity_ - in_use(); }

 private:
  struct Page {
    float* floats = nullptr;
    std::size_t owners = 0;
  };
  float* part(PageId page, std::size_t index) const {
    float* floats = pages_[page].floats;
    return floats == nullptr ? nullptr : floats + index * shape_.positions * shape_.row;
  }

  PageShape shape_;
  std::size_t capacity_;
  std::unique_ptr<PageMemory> memory_;
  std::vector<Page> pages_;
  std::vector<PageId> free_;
};

}  // namespace rl::language
