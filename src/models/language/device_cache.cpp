#include "src/models/language/device_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

namespace rl::lm {
namespace {

constexpr std::int64_t kFewestPages = 16;

std::int64_t size(std::size_t extent) { return static_cast<std::int64_t>(extent); }

class DevicePages final : public language::PageMemory {
 public:
  explicit DevicePages(DeviceCache& cache) : cache_(cache) {}

  float* add() override {
    cache_.add_page();
    return nullptr;
  }
  void copy(language::PageId from, language::PageId to) override { cache_.copy_page(from, to); }

 private:
  DeviceCache& cache_;
};

}  // namespace

DeviceCache::DeviceCache(const language::PageShape& shape, std::int64_t heads,
                         const at::TensorOptions& options)
    : pages_(at::empty({size(shape.layers), 2, 1, size(shape.positions), heads,
                        size(shape.row) / heads},
                       options)) {}

void DeviceCache::add_page() {
  const std::int64_t room = spare_page();
  if (num_pages_ == room) {
    std::vector<std::int64_t> sizes = pages_.sizes().vec();
    sizes[2] = std::max(2 * room, kFewestPages) + 1;
    const at::Tensor larger = at::empty(sizes, pages_.options());
    larger.narrow(2, 0, room).copy_(pages_.narrow(2, 0, room));
    pages_ = larger;
    ++generation_;
  }
  ++num_pages_;
}

void DeviceCache::copy_page(language::PageId from, language::PageId to) {
  pages_.select(2, to).copy_(pages_.select(2, from));
}

std::size_t DeviceCache::row_bytes() const {
  return static_cast<std::size_t>(pages_.size(4) * pages_.size(5)) * pages_.element_size();
}

at::Tensor DeviceCache::part(std::int64_t layer, std::int64_t which) const {
  return pages_[layer][which].flatten(0, 1);
}

std::unique_ptr<language::PageMemory> device_pages(DeviceCache& cache) {
  return std::make_unique<DevicePages>(cache);
}

}  // namespace rl::lm
