// The pages of one sequence.
#pragma once

#include <cstddef>
#include <vector>

#include "rl/language/transformer.h"
#include "src/language/page_pool.h"

namespace rl::language {

// Page p holds positions p * page_size and following. Pages may be shared with other tables; what
// is written to is made this table's own first, by a copy. The pool must outlive the table.
// Threads: one thread at a time, together with the pool.
class PageTable {
 public:
  explicit PageTable(PagePool& pool) : pool_(&pool) {}
  ~PageTable() { release(); }
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  std::size_t pages() const { return ids_.size(); }
  bool empty() const { return ids_.empty(); }

  // Pages that prepare() would take from the pool.
  std::size_t needed(std::size_t first, std::size_t end) const;
  // Makes positions [first, end) writable. The pool must have needed() pages.
  void prepare(std::size_t first, std::size_t end);
  // Shares the pages of the other table's first `positions` positions; this one must be empty.
  void share(const PageTable& other, std::size_t positions);
  void release();

  // Valid until the next change of this table.
  SequenceCache cache() const { return {key_layers_, value_layers_, ids_}; }

 private:
  void append(PageId page);
  void replace(std::size_t index, PageId page);
  void point();  // the layers' pointers follow what append() may have moved
  std::size_t page_size() const { return pool_->shape().positions; }

  PagePool* pool_;
  std::vector<PageId> ids_;
  std::vector<std::vector<float*>> keys_, values_;          // [layers][pages]
  std::vector<float* const*> key_layers_, value_layers_;    // [layers]
};

}  // namespace rl::language
