// Pages of one sequence's keys and values, for tests that call the transformer directly.
#pragma once

#include <vector>

#include "rl/language/transformer.h"

namespace rl::language {

class SequencePages {
 public:
  SequencePages(const ModelConfig& config, std::size_t positions, std::size_t page_size) {
    const std::size_t num_pages = (positions + page_size - 1) / page_size;
    const std::size_t page = page_size * config.key_value_heads * config.head_dim;
    keys_ = Side(config.layers, num_pages, page);
    values_ = Side(config.layers, num_pages, page);
  }

  SequenceCache cache() const { return {keys_.layers, values_.layers}; }

 private:
  struct Side {
    Side() = default;
    Side(std::size_t num_layers, std::size_t num_pages, std::size_t page)
        : storage(num_layers * num_pages * page), pages(num_layers * num_pages) {
      for (std::size_t i = 0; i < pages.size(); ++i) pages[i] = storage.data() + i * page;
      for (std::size_t layer = 0; layer < num_layers; ++layer) {
        layers.push_back(pages.data() + layer * num_pages);
      }
    }
    std::vector<float> storage;
    std::vector<float*> pages;
    std::vector<float* const*> layers;
  };
  Side keys_, values_;
};

}  // namespace rl::language
