// Sequences end to end: checked, numbered, with their rotations.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/models/language_model.h"
#include "src/models/language/network.h"

namespace rl::lm {

// A rotary table's cosines or sines as [positions, half], a view of them.
at::Tensor rotary_rows(const std::vector<float>& table, std::size_t half);

// Makes batches for one model. Threads: one thread at a time.
class Packer {
 public:
  Packer(const language::ModelConfig& config, at::Device device, bool plain);

  // Throws Error for wrong types, lengths that do not sum to the tokens, sequences that are empty
  // or longer than the context, and ids outside the vocabulary.
  std::shared_ptr<const Batch> pack(const PackedTokens& packed);

 private:
  std::shared_ptr<const language::RotaryTable> rotary_for(std::int64_t positions);

  language::ModelConfig config_;
  at::Device device_;
  bool plain_;
  std::shared_ptr<const language::RotaryTable> rotary_;  // grown to the longest sequence yet
  std::int64_t rotary_positions_ = 0;
};

}  // namespace rl::lm
