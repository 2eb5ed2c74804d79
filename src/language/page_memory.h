// Where the pages of a key and value cache are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "rl/language/model_config.h"

namespace rl::language {

// What one page holds: for every layer keys and values, [positions, row] floats each.
struct PageShape {
  std::size_t layers = 0;
  std::size_t positions = 0;  // per page
  std::size_t row = 0;        // key_value_heads * head_dim

  std::size_t floats() const { return 2 * layers * positions * row; }
};

// Throws Error naming the option when a page would be empty or its size overflow.
PageShape page_shape(const ModelConfig& config, std::size_t page_size);

using PageId = std::uint32_t;

// Threads: one thread at a time.
class PageMemory {
 public:
  virtual ~PageMemory() = default;
  // Makes one page more; they are numbered from 0. Returns its floats, which stay where they are;
  // nullptr when they are a device's, whose model finds them by the number.
  virtual float* add() = 0;
  virtual void copy(PageId from, PageId to) = 0;
};

// In the CPU's memory.
std::unique_ptr<PageMemory> host_pages(const PageShape& shape);

}  // namespace rl::language
