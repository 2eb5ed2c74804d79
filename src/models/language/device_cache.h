// Keys and values of a text generator on one device, and attention over them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rl/language/logit_model.h"
#include "rl/language/transformer.h"

namespace rl::lm {

// Pages of all sequences in one tensor, which doubles when they fill it. A slot is one position of
// one page: page * positions + offset. Threads: one thread at a time.
class DeviceCache {
 public:
  // The options' device and type; [positions, heads, head_dim] per page, keys or values and layer.
  DeviceCache(const language::PageShape& shape, std::int64_t heads,
              const at::TensorOptions& options);

  void add_page();
  void copy_page(language::PageId from, language::PageId to);

  // [slots, heads, head_dim], to read and to write; valid until the next page is added.
  at::Tensor keys(std::int64_t layer) const { return part(layer, 0); }
  at::Tensor values(std::int64_t layer) const { return part(layer, 1); }
  std::int64_t positions_per_page() const { return pages_.size(3); }
  at::Device device() const { return pages_.device(); }

 private:
  at::Tensor part(std::int64_t layer, std::int64_t which) const;

  at::Tensor pages_;  // [layers, 2, pages, positions, heads, head_dim]
  std::int64_t num_pages_ = 0;
};

// The numbers of its pages are those of `cache`, which must outlive it.
std::unique_ptr<language::PageMemory> device_pages(DeviceCache& cache);

// Where the rows of one forward pass stand in the cache, and what each may see of it.
class CachePlan {
 public:
  CachePlan(std::span<const language::TokenSpan> spans, const DeviceCache& cache);

  // Writes the rows' keys and values [N, heads, head_dim], then attends with [N, query heads,
  // head_dim], which is the result's shape too.
  at::Tensor attend(const DeviceCache& cache, std::int64_t layer, const at::Tensor& query,
                    const at::Tensor& key, const at::Tensor& value, double scale) const;

  const at::Tensor& positions() const { return positions_; }  // [N] i64

 private:
  // Neighbours with equally many rows, as one batch padded to the longest of them.
  struct Group {
    std::int64_t first_row = 0, spans = 0, rows = 0, longest = 0;
    at::Tensor slots;    // [spans * longest] i64
    at::Tensor visible;  // [spans, 1, rows, longest] bool
  };
  void add_group(std::span<const language::TokenSpan> spans, std::int64_t first_row,
                 const DeviceCache& cache);

  at::Tensor positions_;
  at::Tensor new_slots_;  // [N] i64
  std::vector<Group> groups_;
};

}  // namespace rl::lm
