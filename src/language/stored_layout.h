// How a family's files hold the parameters: their names, and which are fused and transposed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rl/formats/safetensors.h"
#include "rl/language/model_config.h"

namespace rl::language {

// One tensor of the files. Its parts are our parameters stacked along their rows; a transposed
// tensor is the transpose of that stack.
struct StoredTensor {
  ParameterSpec stored;
  std::vector<ParameterSpec> parts;
  bool transposed = false;

  bool is_plain() const { return parts.size() == 1 && !transposed; }
};

// All tensors of the files as transformers writes them, in the order of model_parameters.
std::vector<StoredTensor> stored_layout(const ModelConfig& config);

// The name in stored_layout of a tensor that a file calls `name`: GPT-2's files may leave out
// the prefix "transformer.". Empty for buffers that carry nothing (attention masks and rotation
// frequencies of old files).
std::string stored_name(const ModelConfig& config, std::string_view name);

// Stored bytes into those of its parts, or the other way round; all of one dtype, all spans of the
// full size.
void split_stored(const StoredTensor& tensor, DType dtype, std::span<const std::byte> stored,
                  const std::vector<std::span<std::byte>>& parts);
void join_stored(const StoredTensor& tensor, DType dtype,
                 const std::vector<std::span<const std::byte>>& parts, std::span<std::byte> stored);

}  // namespace rl::language
