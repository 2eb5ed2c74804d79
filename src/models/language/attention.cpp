#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "src/models/language/functions.h"
#include "src/models/language/recorded.h"
#include "src/models/language/shared_rows.h"

namespace rl::lm {
namespace {

struct Saved {
  at::Tensor query, key, value;  // [rows, heads, head_dim]
  at::Tensor out;                // as query
  at::Tensor log_sum_exp;        // [rows, query heads]
  std::shared_ptr<const Batch> batch;
  double scale = 1.0;
};

// Rows of `count` sequences of one length, as [count, heads, length, head_dim].
at::Tensor heads_of(const at::Tensor& rows, std::int64_t start, std::int64_t count,
                    std::int64_t length) {
  return rows.narrow(0, start, count * length)
      .view({count, length, rows.size(1), rows.size(2)})
      .transpose(1, 2);
}

// Keys or values, repeated for the query heads that share them.
at::Tensor shared_heads_of(const at::Tensor& rows, std::int64_t start, std::int64_t count,
                           std::int64_t length, std::int64_t group) {
  const at::Tensor heads = heads_of(rows, start, count, length);
  if (group == 1) return heads;
  return heads.unsqueeze(2)
      .expand({count, rows.size(1), group, length, rows.size(2)})
      .reshape({count, rows.size(1) * group, length, rows.size(2)});
}

// The sum over the query heads that share a key and value head.
at::Tensor sum_of_group(const at::Tensor& heads, std::int64_t group) {
  if (group == 1) return heads;
  return heads.view({heads.size(0), heads.size(1) / group, group, heads.size(2), heads.size(3)})
      .sum(2);
}

// LibTorch's kernel recomputes the probabilities from the log-sum-exp, block by block.
void sequences_backward(const Saved& saved, const at::Tensor& gradient, std::int64_t start,
                        std::int64_t count, std::int64_t length, const Tensors& results) {
  const std::int64_t group = saved.query.size(1) / saved.key.size(1);
  const at::Tensor log_sum_exp = saved.log_sum_exp.narrow(0, start, count * length)
                                     .view({count, length, saved.query.size(1)})
                                     .transpose(1, 2);
  const auto [query, key, value] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      heads_of(gradient, start, count, length), heads_of(saved.query, start, count, length),
      shared_heads_of(saved.key, start, count, length, group),
      shared_heads_of(saved.value, start, count, length, group),
      heads_of(saved.out, start, count, length), log_sum_exp, /*dropout_p=*/0.0,
      /*is_causal=*/true, /*attn_mask=*/{}, saved.scale);
  heads_of(results[0], start, count, length).copy_(query);
  heads_of(results[1], start, count, length).copy_(sum_of_group(key, group));
  heads_of(results[2], start, count, length).copy_(sum_of_group(value, group));
}

// Every sequence by itself: `saved` has the rows of all its tokens.
Tensors tokens_backward(const Saved& saved, const at::Tensor& gradient) {
  const Tensors results{at::empty_like(saved.query), at::empty_like(saved.key),
                        at::empty_like(saved.value)};
  const std::vector<std::int64_t>& lengths = saved.batch->lengths;
  for (std::size_t s = 0; s < lengths.size();) {
    std::size_t end = s + 1;  // neighbours of one length go together
    while (end < lengths.size() && lengths[end] == lengths[s]) ++end;
    sequences_backward(saved, gradient, saved.batch->starts[s], static_cast<std::int64_t>(end - s),
                       lengths[s], results);
    s = end;
  }
  return results;
}

// What sequences share has been computed for the first of them, and learns from all of them.
Tensors attention_backward(const Saved& saved, const at::Tensor& output_gradient) {
  const Batch& batch = *saved.batch;
  Saved all = saved;
  for (at::Tensor* rows : {&all.query, &all.key, &all.value, &all.out, &all.log_sum_exp}) {
    *rows = spread_rows(*rows, batch);
  }
  const Tensors results =
      tokens_backward(all, at_first_tokens(output_gradient.contiguous(), batch));
  return {first_tokens_of(results[0], batch), sum_of_tokens(results[1], batch),
          sum_of_tokens(results[2], batch)};
}

}  // namespace

at::Tensor exact_attention(const language::Ops& ops, const at::Tensor& query, const at::Tensor& key,
                           const at::Tensor& value, const std::shared_ptr<const Batch>& batch,
                           float scale) {
  at::Tensor out = at::empty_like(query);
  const bool keep = needs_graph({query, key, value});
  at::Tensor log_sum_exp;
  if (keep) log_sum_exp = at::empty({query.size(0), query.size(1)}, query.options());
  // A sequence's keys are one page: the rows of all its tokens.
  const at::Tensor keys = spread_rows(key.detach(), *batch);
  const at::Tensor values = spread_rows(value.detach(), *batch);
  std::vector<const float*> key_pages, value_pages;
  const std::int64_t row = key.size(1) * key.size(2);
  for (const std::int64_t start : batch->starts) {
    key_pages.push_back(keys.const_data_ptr<float>() + start * row);
    value_pages.push_back(values.const_data_ptr<float>() + start * row);
  }
  std::vector<language::AttentionSpan> spans;
  for (std::size_t s = 0; s < batch->lengths.size(); ++s) {
    const std::int64_t own = batch->lengths[s] - batch->shared[s];
    if (own == 0) continue;
    spans.push_back({.first_row = static_cast<std::size_t>(batch->first_rows[s]),
                     .rows = static_cast<std::size_t>(own),
                     .first_position = static_cast<std::size_t>(batch->shared[s]),
                     .key_pages = &key_pages[s], .value_pages = &value_pages[s]});
  }
  ops.attention({.q = query.const_data_ptr<float>(), .out = out.mutable_data_ptr<float>(),
                 .query_heads = static_cast<std::size_t>(query.size(1)),
                 .key_value_heads = static_cast<std::size_t>(key.size(1)),
                 .head_dim = static_cast<std::size_t>(query.size(2)),
                 .page_size = static_cast<std::size_t>(batch->longest), .scale = scale,
                 .spans = spans,
                 .log_sum_exp = keep ? log_sum_exp.mutable_data_ptr<float>() : nullptr});
  if (!keep) return out;
  const Saved saved{query.detach(), key.detach(), value.detach(), out.detach(), log_sum_exp, batch,
                    static_cast<double>(scale)};
  record({query, key, value}, {out},
         [saved](const Tensors& g) { return attention_backward(saved, g[0]); });
  return out;
}

}  // namespace rl::lm
