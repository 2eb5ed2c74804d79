#include "src/language/page_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace rl::language {

PagePool::PagePool(const PageShape& shape, std::size_t capacity)
    : PagePool(shape, capacity, host_pages(shape)) {}

PagePool::PagePool(const PageShape& shape, std::size_t capacity,
                   std::unique_ptr<PageMemory> memory)
    : shape_(shape),
      capacity_(std::min<std::size_t>(capacity, std::numeric_limits<PageId>::max())),
      memory_(std::move(memory)) {}

PageId PagePool::take() {
  if (free_.empty()) {
    pages_.push_back({.floats = memory_->add()});
    free_.push_back(static_cast<PageId>(pages_.size() - 1));
  }
  const PageId page = free_.back();
  free_.pop_back();
  pages_[page].owners = 1;
  return page;
}

void PagePool::share(PageId page) { ++pages_[page].owners; }

void PagePool::release(PageId page) {
  if (--pages_[page].owners == 0) free_.push_back(page);
}

}  // namespace rl::language
