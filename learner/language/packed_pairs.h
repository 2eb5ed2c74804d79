// Pairs laid end to end: chosen, rejected, chosen, rejected, ...
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "learner/language/packed_examples.h"
#include "rl/language/preference_data.h"

namespace rl {

// A pair, and what the reference model says of it (DPO).
struct PairItem {
  const language::PreferencePair* pair = nullptr;
  double reference_chosen = 0.0;
  double reference_rejected = 0.0;
};

std::vector<PairItem> make_items(const std::vector<language::PreferencePair>& pairs);

// In order, in parts of at most `budget` tokens (a longer pair stands alone).
std::vector<std::span<const PairItem>> split_pairs(std::span<const PairItem> pairs,
                                                   std::size_t budget);

struct PackedPairs {
  PackedExamples examples;  // 2 P sequences
  at::Tensor sequences;     // [N] i64: of every row
  at::Tensor ends;          // [2 P] i64: the last row of every sequence
};

PackedPairs pack_pairs(std::span<const PairItem> pairs, at::Device device);

// Two numbers per pair, [2 P], apart. Threads: pure functions, as all here.
struct PairSides {
  at::Tensor chosen, rejected;  // [P]
};
PairSides sides_of(const at::Tensor& interleaved);

// One number per pair, as f32 [P].
template <class NumberOf>
at::Tensor pair_column(std::span<const PairItem> pairs, at::Device device,
                       const NumberOf& number_of);
at::Tensor to_column(const std::vector<float>& values, at::Device device);

template <class NumberOf>
at::Tensor pair_column(std::span<const PairItem> pairs, at::Device device,
                       const NumberOf& number_of) {
  std::vector<float> values;
  for (const PairItem& item : pairs) values.push_back(static_cast<float>(number_of(item)));
  return to_column(values, device);
}

}  // namespace rl
