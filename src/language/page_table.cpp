#include "src/language/page_table.h"

#include <algorithm>

namespace rl::language {
namespace {

std::size_t pages_for(std::size_t positions, std::size_t page_size) {
  return (positions + page_size - 1) / page_size;
}

}  // namespace

std::size_t PageTable::needed(std::size_t first, std::size_t end) const {
  const std::size_t wanted = pages_for(end, page_size());
  std::size_t count = wanted > ids_.size() ? wanted - ids_.size() : 0;
  for (std::size_t page = first / page_size(); page < std::min(wanted, ids_.size()); ++page) {
    count += pool_->shared(ids_[page]) ? 1 : 0;
  }
  return count;
}

void PageTable::prepare(std::size_t first, std::size_t end) {
  const std::size_t wanted = pages_for(end, page_size());
  for (std::size_t page = first / page_size(); page < std::min(wanted, ids_.size()); ++page) {
    if (!pool_->shared(ids_[page])) continue;
    const PageId copy = pool_->take();
    pool_->copy(ids_[page], copy);
    pool_->release(ids_[page]);
    replace(page, copy);
  }
  if (wanted <= ids_.size()) return;
  while (ids_.size() < wanted) append(pool_->take());
  point();
}

void PageTable::share(const PageTable& other, std::size_t positions) {
  for (std::size_t page = 0; page < pages_for(positions, page_size()); ++page) {
    pool_->share(other.ids_[page]);
    append(other.ids_[page]);
  }
  point();
}

void PageTable::release() {
  for (const PageId page : ids_) pool_->release(page);
  ids_.clear();
  for (auto& pages : keys_) pages.clear();
  for (auto& pages : values_) pages.clear();
}

void PageTable::append(PageId page) {
  // Tables of sequences that wait take no memory.
  for (auto* parts : {&keys_, &values_}) parts->resize(pool_->shape().layers);
  ids_.push_back(page);
  for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
    keys_[layer].push_back(pool_->keys(page, layer));
    values_[layer].push_back(pool_->values(page, layer));
  }
}

void PageTable::replace(std::size_t index, PageId page) {
  ids_[index] = page;
  for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
    keys_[layer][index] = pool_->keys(page, layer);
    values_[layer][index] = pool_->values(page, layer);
  }
}

void PageTable::point() {
  key_layers_.resize(keys_.size());
  value_layers_.resize(values_.size());
  for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
    key_layers_[layer] = keys_[layer].data();
    value_layers_[layer] = values_[layer].data();
  }
}

}  // namespace rl::language
