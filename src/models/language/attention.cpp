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
  float scale = 1.0F;
};

// Every sequence by itself: `saved` has the rows of all its tokens.
Tensors tokens_backward(const language::Ops& ops, const Saved& saved, const at::Tensor& gradient) {
  const Tensors results{at::empty_like(saved.query), at::empty_like(saved.key),
                        at::empty_like(saved.value)};
  ops.attention_gradient({.q = saved.query.const_data_ptr<float>(),
                          .k = saved.key.const_data_ptr<float>(),
                          .v = saved.value.const_data_ptr<float>(),
                          .out = saved.out.const_data_ptr<float>(),
                          .log_sum_exp = saved.log_sum_exp.const_data_ptr<float>(),
                          .out_gradient = gradient.const_data_ptr<float>(),
                          .q_gradient = results[0].mutable_data_ptr<float>(),
                          .k_gradient = results[1].mutable_data_ptr<float>(),
                          .v_gradient = results[2].mutable_data_ptr<float>(),
                          .query_heads = static_cast<std::size_t>(saved.query.size(1)),
                          .key_value_heads = static_cast<std::size_t>(saved.key.size(1)),
                          .head_dim = static_cast<std::size_t>(saved.query.size(2)),
                          .scale = saved.scale, .lengths = saved.batch->lengths});
  return results;
}

// What sequences share has been computed for the first of them, and learns from all of them.
Tensors attention_backward(const language::Ops& ops, const Saved& saved,
                           const at::Tensor& output_gradient) {
  const Batch& batch = *saved.batch;
  Saved all = saved;
  for (at::Tensor* rows : {&all.query, &all.key, &all.value, &all.out, &all.log_sum_exp}) {
    *rows = spread_rows(*rows, batch);
  }
  const Tensors results =
      tokens_backward(ops, all, at_first_tokens(output_gradient.contiguous(), batch));
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
                    scale};
  record({query, key, value}, {out},
         [&ops, saved](const Tensors& g) { return attention_backward(ops, saved, g[0]); });
  return out;
}

}  // namespace rl::lm
