#include "src/models/language/shared_rows.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "src/models/language/recorded.h"
#include "src/models/language/row_gradients.h"

namespace rl::lm {
namespace {

// Attention needs every token's keys and values together: below this share of tokens saved the
// copies cost more than the rows.
constexpr std::int64_t kSavedAtLeast = 8;  // one in

std::vector<std::int64_t> sizes_with(const at::Tensor& tensor, std::int64_t count) {
  std::vector<std::int64_t> sizes = tensor.sizes().vec();
  sizes[0] = count;
  return sizes;
}

}  // namespace

std::vector<std::int64_t> shared_tokens(const std::vector<std::int64_t>& tokens,
                                        const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> shared(lengths.size(), 0);
  std::int64_t saved = 0;
  auto sequence = tokens.begin();
  for (std::size_t s = 1; s < lengths.size(); ++s) {
    const auto before = sequence;
    sequence += lengths[s - 1];
    const auto longest = std::min(lengths[s - 1], lengths[s]);
    shared[s] = std::mismatch(before, before + longest, sequence).first - before;
    saved += shared[s];
  }
  if (saved * kSavedAtLeast < static_cast<std::int64_t>(tokens.size())) {
    std::ranges::fill(shared, 0);
  }
  return shared;
}

at::Tensor spread_rows(const at::Tensor& rows, const Batch& batch) {
  return batch.shares_rows() ? rows.index_select(0, batch.row_numbers) : rows;
}

at::Tensor sum_of_tokens(const at::Tensor& tokens, const Batch& batch) {
  if (!batch.shares_rows()) return tokens;
  const std::int64_t count = batch.num_rows();
  const at::Tensor sums = at::zeros(sizes_with(tokens, count), tokens.options());
  add_rows(sums.view({count, -1}), batch.row_list, tokens.reshape({tokens.size(0), -1}));
  return sums;
}

at::Tensor at_first_tokens(const at::Tensor& rows, const Batch& batch) {
  if (!batch.shares_rows()) return rows;
  const auto count = static_cast<std::int64_t>(batch.row_list.size());
  return at::zeros(sizes_with(rows, count), rows.options())
      .index_copy_(0, batch.first_tokens, rows);
}

at::Tensor first_tokens_of(const at::Tensor& tokens, const Batch& batch) {
  return batch.shares_rows() ? tokens.index_select(0, batch.first_tokens) : tokens;
}

at::Tensor recorded_spread(const at::Tensor& rows, const std::shared_ptr<const Batch>& batch) {
  if (!batch->shares_rows()) return rows;
  const at::Tensor tokens = spread_rows(rows.detach(), *batch);
  record({rows}, {tokens},
         [batch](const Tensors& g) { return Tensors{sum_of_tokens(g[0], *batch)}; });
  return tokens;
}

}  // namespace rl::lm
