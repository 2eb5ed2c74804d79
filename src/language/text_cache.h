// Keys and values of one text that is read in one pass.
#pragma once

#include <vector>

#include "rl/language/transformer.h"

namespace rl::language {

// A page per layer that holds all positions. Threads: a plain value.
class TextCache {
 public:
  TextCache(const ModelConfig& config, std::size_t positions)
      : keys_(config.layers), values_(config.layers) {
    const std::size_t floats = positions * config.key_value_heads * config.head_dim;
    for (std::size_t layer = 0; layer < config.layers; ++layer) {
      keys_[layer].resize(floats);
      values_[layer].resize(floats);
      key_pages_.push_back(keys_[layer].data());
      value_pages_.push_back(values_[layer].data());
    }
    for (std::size_t layer = 0; layer < config.layers; ++layer) {
      key_layers_.push_back(&key_pages_[layer]);
      value_layers_.push_back(&value_pages_[layer]);
    }
  }
  TextCache(const TextCache&) = delete;  // it points into itself
  TextCache& operator=(const TextCache&) = delete;

  SequenceCache view() const { return {key_layers_, value_layers_}; }

 private:
  std::vector<std::vector<float>> keys_, values_;
  std::vector<float*> key_pages_, value_pages_;
  std::vector<float* const*> key_layers_, value_layers_;
};

}  // namespace rl::language
