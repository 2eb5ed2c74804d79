#include "src/language/page_pool.h"

#include <algorithm>
#include <limits>
#include <string>

#include "rl/core/error.h"

namespace rl::language {

PageShape page_shape(const ModelConfig& config, std::size_t page_size) {
  constexpr std::size_t kMostPositions = std::size_t{1} << 20;
  if (page_size == 0 || page_size > kMostPositions) {
    throw Error({.where = "text generator",
                 .what = "page_size is out of range",
                 .expected = "1 to " + std::to_string(kMostPositions) + " positions",
                 .got = std::to_string(page_size)});
  }
  const PageShape shape{config.layers, page_size, config.key_value_heads * config.head_dim};
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(shape.layers) *
                       static_cast<double>(shape.positions) * static_cast<double>(shape.row);
  constexpr double kMostBytes = 1e12;
  if (bytes < 1.0 || bytes > kMostBytes) {
    throw Error({.where = "text generator",
                 .what = "a page of the cache has a size that makes no sense",
                 .expected = "1 byte to 1 TB",
                 .got = std::to_string(bytes) + " bytes",
                 .remedy = "check the model's configuration and page_size"});
  }
  return shape;
}

PagePool::PagePool(PageShape shape, std::size_t capacity)
    : shape_(shape),
      capacity_(std::min<std::size_t>(capacity, std::numeric_limits<PageId>::max())) {}

PageId PagePool::take() {
  if (free_.empty()) {
    void* memory = ::operator new(floats_per_page() * sizeof(float), kAlignment);
    Page page{.memory = std::unique_ptr<float, Deleter>(static_cast<float*>(memory))};
    pages_.push_back(std::move(page));
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

void PagePool::copy(PageId from, PageId to) {
  std::copy_n(pages_[from].memory.get(), floats_per_page(), pages_[to].memory.get());
}

}  // namespace rl::language
