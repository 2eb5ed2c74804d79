// Keys and values of a text generator on one device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "rl/language/logit_model.h"

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

  // [slots, heads, head_dim], to read and to write; valid until the next generation.
  at::Tensor keys(std::int64_t layer) const { return part(layer, 0); }
  at::Tensor values(std::int64_t layer) const { return part(layer, 1); }
  std::int64_t positions_per_page() const { return pages_.size(3); }
  // Behind the pages of the sequences: rows that only fill up a batch write to it.
  std::int64_t spare_page() const { return pages_.size(2) - 1; }
  // How often the tensor has been replaced by a larger one.
  std::int64_t generation() const { return generation_; }
  // Of one position's keys or values in one layer.
  std::size_t row_bytes() const;
  at::Device device() const { return pages_.device(); }
  at::ScalarType type() const { return pages_.scalar_type(); }

 private:
  at::Tensor part(std::int64_t layer, std::int64_t which) const;

  at::Tensor pages_;  // [layers, 2, pages and the spare one, positions, heads, head_dim]
  std::int64_t num_pages_ = 0;
  std::int64_t generation_ = 0;
};

// The numbers of its pages are those of `cache`, which must outlive it.
std::unique_ptr<language::PageMemory> device_pages(DeviceCache& cache);

}  // namespace rl::lm
