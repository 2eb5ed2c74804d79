#include "src/models/language/device_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace rl::lm {
namespace {

constexpr std::int64_t kFewestPages = 16;

std::int64_t size(std::size_t extent) { return static_cast<std::int64_t>(extent); }

std::int64_t slot_of(const language::TokenSpan& span, std::size_t position,
                     std::int64_t positions_per_page) {
  const auto page_size = static_cast<std::size_t>(positions_per_page);
  const std::int64_t page = span.cache.pages[position / page_size];
  return page * positions_per_page + size(position % page_size);
}

std::size_t end_of(const language::TokenSpan& span) {
  return span.first_position + span.tokens.size();
}

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
    : pages_(at::empty({size(shape.layers), 2, 0, size(shape.positions), heads,
                        size(shape.row) / heads},
                       options)) {}

void DeviceCache::add_page() {
  const std::int64_t room = pages_.size(2);
  if (num_pages_ == room) {
    std::vector<std::int64_t> sizes = pages_.sizes().vec();
    sizes[2] = std::max(2 * room, kFewestPages);
    const at::Tensor larger = at::empty(sizes, pages_.options());
    larger.narrow(2, 0, room).copy_(pages_);
    pages_ = larger;
  }
  ++num_pages_;
}

void DeviceCache::copy_page(language::PageId from, language::PageId to) {
  pages_.select(2, to).copy_(pages_.select(2, from));
}

at::Tensor DeviceCache::part(std::int64_t layer, std::int64_t which) const {
  return pages_[layer][which].flatten(0, 1);
}

std::unique_ptr<language::PageMemory> device_pages(DeviceCache& cache) {
  return std::make_unique<DevicePages>(cache);
}

CachePlan::CachePlan(std::span<const language::TokenSpan> spans, const DeviceCache& cache) {
  std::vector<std::int64_t> positions, slots;
  for (const language::TokenSpan& span : spans) {
    for (std::size_t position = span.first_position; position < end_of(span); ++position) {
      positions.push_back(size(position));
      slots.push_back(slot_of(span, position, cache.positions_per_page()));
    }
  }
  positions_ = at::tensor(positions).to(cache.device());
  new_slots_ = at::tensor(slots).to(cache.device());
  std::int64_t row = 0;
  for (std::size_t first = 0; first < spans.size();) {
    std::size_t end = first + 1;
    while (end < spans.size() && spans[end].tokens.size() == spans[first].tokens.size()) ++end;
    add_group(spans.subspan(first, end - first), row, cache);
    row += groups_.back().spans * groups_.back().rows;
    first = end;
  }
}

void CachePlan::add_group(std::span<const language::TokenSpan> spans, std::int64_t first_row,
                          const DeviceCache& cache) {
  std::size_t longest = 0;
  for (const language::TokenSpan& span : spans) longest = std::max(longest, end_of(span));
  Group group{.first_row = first_row, .spans = size(spans.size()),
              .rows = size(spans.front().tokens.size()), .longest = size(longest),
              .slots = {}, .visible = {}};
  std::vector<std::int64_t> slots;
  for (const language::TokenSpan& span : spans) {
    const std::size_t last = end_of(span) - 1;  // padding is more of it: a slot that was written
    for (std::size_t position = 0; position < longest; ++position) {
      slots.push_back(slot_of(span, std::min(position, last), cache.positions_per_page()));
    }
  }
  group.slots = at::tensor(slots).to(cache.device());
  // A row sees the positions up to its own, hence no padding.
  group.visible = at::arange(group.longest, positions_.options()) <=
                  positions_.narrow(0, first_row, group.spans * group.rows)
                      .view({group.spans, 1, group.rows, 1});
  groups_.push_back(std::move(group));
}

at::Tensor CachePlan::attend(const DeviceCache& cache, std::int64_t layer, const at::Tensor& query,
                             const at::Tensor& key, const at::Tensor& value, double scale) const {
  const at::Tensor keys = cache.keys(layer);
  const at::Tensor values = cache.values(layer);
  keys.index_copy_(0, new_slots_, key.to(keys.scalar_type()));
  values.index_copy_(0, new_slots_, value.to(values.scalar_type()));
  const at::Tensor wanted = query.to(keys.scalar_type());
  const at::Tensor out = at::empty_like(wanted);
  for (const Group& group : groups_) {
    const auto seen = [&group](const at::Tensor& slots) {
      return slots.index_select(0, group.slots)
          .view({group.spans, group.longest, slots.size(1), slots.size(2)})
          .transpose(1, 2);
    };
    const auto rows = [&group](const at::Tensor& all) {
      return all.narrow(0, group.first_row, group.spans * group.rows)
          .view({group.spans, group.rows, all.size(1), all.size(2)})
          .transpose(1, 2);
    };
    rows(out).copy_(at::scaled_dot_product_attention(
        rows(wanted), seen(keys), seen(values), group.visible, /*dropout_p=*/0.0,
        /*is_causal=*/false, scale, /*enable_gqa=*/query.size(1) != key.size(1)));
  }
  return out;
}

}  // namespace rl::lm
