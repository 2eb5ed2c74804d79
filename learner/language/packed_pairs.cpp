#include "learner/language/packed_pairs.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "rl/language/batch_plan.h"

namespace rl {

std::vector<PairItem> make_items(const std::vector<language::PreferencePair>& pairs) {
  std::vector<PairItem> items;
  for (const auto& pair : pairs) items.push_back({.pair = &pair});
  return items;
}

std::vector<std::span<const PairItem>> split_pairs(std::span<const PairItem> pairs,
                                                   std::size_t budget) {
  std::vector<std::size_t> lengths;
  for (const PairItem& item : pairs) lengths.push_back(item.pair->tokens());
  std::vector<std::span<const PairItem>> parts;
  for (const auto& batch : language::pack_in_order(lengths, budget)) {
    parts.push_back(pairs.subspan(batch.front(), batch.size()));
  }
  return parts;
}

PackedPairs pack_pairs(std::span<const PairItem> pairs, at::Device device) {
  Examples sides;
  for (const PairItem& item : pairs) {
    sides.push_back(&item.pair->chosen);
    sides.push_back(&item.pair->rejected);
  }
  PackedPairs packed{.examples = pack_examples(sides, device), .sequences = {}, .ends = {}};
  const auto& lengths = packed.examples.tokens.lengths;
  const auto rows = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  const at::Tensor sequences = at::empty({rows}, at::kLong);
  const at::Tensor ends = at::empty({static_cast<std::int64_t>(lengths.size())}, at::kLong);
  auto* row = sequences.mutable_data_ptr<std::int64_t>();
  auto* end = ends.mutable_data_ptr<std::int64_t>();
  std::int64_t next = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    row = std::fill_n(row, lengths[i], static_cast<std::int64_t>(i));
    next += lengths[i];
    *end++ = next - 1;
  }
  packed.sequences = sequences.to(device);
  packed.ends = ends.to(device);
  return packed;
}

PairSides sides_of(const at::Tensor& interleaved) {
  const at::Tensor pairs = interleaved.view({-1, 2});
  return {pairs.select(1, 0), pairs.select(1, 1)};
}

at::Tensor to_column(const std::vector<float>& values, at::Device device) {
  const at::Tensor column = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::ranges::copy(values, column.mutable_data_ptr<float>());
  return column.to(device);
}

}  // namespace rl
