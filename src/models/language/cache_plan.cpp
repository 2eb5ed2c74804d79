#include "src/models/language/cache_plan.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

namespace rl::lm {
namespace {

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

}  // namespace

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
              .slots = {}, .mask = {}};
  std::vector<std::int64_t> slots;
  for (const language::TokenSpan& span : spans) {
    const std::size_t last = end_of(span) - 1;  // padding is more of it: a slot that was written
    for (std::size_t position = 0; position < longest; ++position) {
      slots.push_back(slot_of(span, std::min(position, last), cache.positions_per_page()));
    }
  }
  group.slots = at::tensor(slots).to(cache.device());
  // A row sees the positions up to its own, hence no padding.
  group.mask = at::arange(group.longest, positions_.options()) <=
               positions_.narrow(0, first_row, group.spans * group.rows)
                   .view({group.spans, 1, group.rows, 1});
  groups_.push_back(std::move(group));
}

CachePlan::CachePlan(const at::Tensor& positions, const at::Tensor& pages, std::int64_t length,
                     const DeviceCache& cache)
    : positions_(positions) {
  const std::int64_t rows = positions.size(0);
  const std::int64_t page_size = cache.positions_per_page();
  const at::Tensor slots =
      (pages.unsqueeze(2) * page_size + at::arange(page_size, pages.options())).flatten(1);
  const at::Tensor own = positions.unsqueeze(1);
  const at::Tensor numbers = at::arange(length, positions.options());
  new_slots_ = slots.gather(1, own).squeeze(1);
  // Padding is more of the row's own slot, which has been written. The mask is one to be added: of
  // a bool LibTorch would make it anew in every layer.
  const at::Tensor mask = at::zeros({rows, 1, 1, length}, positions.options().dtype(cache.type()));
  mask.masked_fill_((numbers > own).view(mask.sizes()), -std::numeric_limits<double>::infinity());
  groups_.push_back({.first_row = 0, .spans = rows, .rows = 1, .longest = length,
                     .slots = slots.gather(1, at::minimum(numbers, own)).flatten(),
                     .mask = mask});
}

at::Tensor CachePlan::attend(const DeviceCache& cache, std::int64_t layer, const at::Tensor& query,
                             const at::Tensor& key, const at::Tensor& value, double scale) const {
  const at::Tensor keys = cache.keys(layer);
  const at::Tensor values = cache.values(layer);
  keys.index_copy_(0, new_slots_, key.to(keys.scalar_type()));
  values.index_copy_(0, new_slots_, value.to(values.scalar_type()));
  const at::Tensor wanted = query.to(keys.scalar_type());
  const at::Tensor out = at::empty_like(wanted);
  const std::int64_t heads = key.size(1);
  const std::int64_t heads_per_key = query.size(1) / heads;
  for (const Group& group : groups_) {
    const auto seen = [&group](const at::Tensor& slots) {
      return slots.index_select(0, group.slots)
          .view({group.spans, group.longest, slots.size(1), slots.size(2)})
          .transpose(1, 2);
    };
    const bool single = group.rows == 1;
    const auto rows = [&](const at::Tensor& all) {
      const at::Tensor own = all.narrow(0, group.first_row, group.spans * group.rows);
      // The query heads of one key are its rows: no key is copied for each of them.
      if (single) return own.view({group.spans, heads, heads_per_key, all.size(2)});
      return own.view({group.spans, group.rows, all.size(1), all.size(2)}).transpose(1, 2);
    };
    rows(out).copy_(at::scaled_dot_product_attention(
        rows(wanted), seen(keys), seen(values), group.mask, /*dropout_p=*/0.0,
        /*is_causal=*/false, scale, /*enable_gqa=*/!single && heads_per_key != 1));
  }
  return out;
}

}  // namespace rl::lm
