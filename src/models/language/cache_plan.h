// Attention over the cache of a text generator on one device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "rl/language/transformer.h"
#include "src/models/language/device_cache.h"

namespace rl::lm {

// Where the rows of one forward pass stand in the cache, and what each may see of it.
class CachePlan {
 public:
  CachePlan(std::span<const language::TokenSpan> spans, const DeviceCache& cache);
  // One row for each of B sequences: positions [B] and pages [B, any], both i64 of the cache's
  // device; a row attends to `length` positions, those behind its own hidden. Nothing of it
  // depends on values, so that a pass can be recorded and repeated with others.
  CachePlan(const at::Tensor& positions, const at::Tensor& pages, std::int64_t length,
            const DeviceCache& cache);

  // Writes the rows' keys and values [N, heads, head_dim], then attends with [N, query heads,
  // head_dim], which is the result's shape too.
  at::Tensor attend(const DeviceCache& cache, std::int64_t layer, const at::Tensor& query,
                    const at::Tensor& key, const at::Tensor& value, double scale) const;

  const at::Tensor& positions() const { return positions_; }  // [N] i64

 private:
  // Neighbours with equally many rows, as one batch padded to the longest of them.
  struct Group {
    std::int64_t first_row = 0, spans = 0, rows = 0, longest = 0;
    at::Tensor slots;  // [spans * longest] i64
    at::Tensor mask;   // [spans, 1, rows, longest], bool or to be added
  };
  void add_group(std::span<const language::TokenSpan> spans, std::int64_t first_row,
                 const DeviceCache& cache);

  at::Tensor positions_;
  at::Tensor new_slots_;  // [N] i64
  std::vector<Group> groups_;
};

}  // namespace rl::lm
