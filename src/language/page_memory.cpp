#include "rl/language/logit_model.h"

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "rl/core/error.h"

namespace rl::language {
namespace {

class HostPages final : public PageMemory {
 public:
  explicit HostPages(const PageShape& shape) : shape_(shape) {}

  float* add() override {
    void* memory = ::operator new(shape_.floats() * sizeof(float), kAlignment);
    pages_.emplace_back(static_cast<float*>(memory));
    return pages_.back().get();
  }

  void copy(PageId from, PageId to) override {
    std::copy_n(pages_[from].get(), shape_.floats(), pages_[to].get());
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Deleter {
    void operator()(float* memory) const { ::operator delete(memory, kAlignment); }
  };

  PageShape shape_;
  std::vector<std::unique_ptr<float, Deleter>> pages_{};
};

}  // namespace

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

std::unique_ptr<PageMemory> host_pages(const PageShape& shape) {
  return std::make_unique<HostPages>(shape);
}

}  // namespace rl::language
