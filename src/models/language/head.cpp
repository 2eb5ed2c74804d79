#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>

#include "src/models/language/functions.h"
#include "src/models/language/products.h"
#include "src/models/language/recorded.h"
#include "src/models/language/row_gradients.h"

namespace rl::lm {
namespace {

// The rows that have a target, and their chunks.
struct Rows {
  at::Tensor hidden;   // [N, width], without history
  at::Tensor numbers;  // [M] i64
  at::Tensor targets;  // [M] i64
  std::int64_t chunk_rows = 0;

  Rows(const at::Tensor& all, const at::Tensor& all_targets, std::int64_t rows_at_once)
      : hidden(all.detach()),
        numbers(all_targets.ge(0).nonzero().squeeze(1)),
        targets(all_targets.index_select(0, numbers)),
        chunk_rows(rows_at_once) {}

  std::int64_t count() const { return numbers.size(0); }
  std::int64_t size_at(std::int64_t first) const { return std::min(chunk_rows, count() - first); }
  at::Tensor hidden_at(std::int64_t first) const {
    if (count() == hidden.size(0)) return hidden.narrow(0, first, size_at(first));
    return hidden.index_select(0, numbers.narrow(0, first, size_at(first)));
  }
};

// --- with the kernels ---------------------------------------------------------------------------

struct ExactHead {
  const language::Ops& ops;
  Rows rows;
  Weight head;
  float inverse_temperature;
  at::Tensor target_list;    // [M] i32
  at::Tensor log_sum_exps;   // [M], of the scaled logits
  at::Tensor logits;         // those of the only chunk, or undefined

  at::Tensor backward(const at::Tensor& gradients);
};

// Logits are computed again, unless there was a single chunk of them.
at::Tensor ExactHead::backward(const at::Tensor& all_gradients) {
  const at::Tensor gradients = all_gradients.index_select(0, rows.numbers);
  const at::Tensor weight = head.value;
  at::Tensor hidden_gradient = at::zeros_like(rows.hidden);
  for (std::int64_t first = 0; first < rows.count(); first += rows.chunk_rows) {
    const std::int64_t size = rows.size_at(first);
    const at::Tensor x = rows.hidden_at(first);
    if (!logits.defined()) logits = at::empty({size, weight.size(0)}, x.options());
    at::Tensor z = logits.narrow(0, 0, size);
    if (rows.count() > rows.chunk_rows) multiply(ops, x, weight, {}, z);
    log_prob_gradient(ops.team(), z, gradients.const_data_ptr<float>() + first,
                      log_sum_exps.const_data_ptr<float>() + first,
                      target_list.const_data_ptr<std::int32_t>() + first, inverse_temperature);
    if (head.gradient.defined()) add_transposed_product(ops, z, x, head.gradient);
    const at::Tensor x_gradient = at::empty_like(x);
    add_product(ops, z, weight, x_gradient, /*from_zero=*/true);
    hidden_gradient.index_copy_(0, rows.numbers.narrow(0, first, size), x_gradient);
  }
  return hidden_gradient;
}

void score_chunk(ExactHead& state, std::int64_t first,
                 const at::Tensor& logits, const TokenLogProbs& results) {
  const at::Tensor x = state.rows.hidden_at(first);
  const auto rows = static_cast<std::size_t>(x.size(0));
  const auto vocabulary = static_cast<std::size_t>(logits.size(1));
  multiply(state.ops, x, state.head.value, {}, logits);
  std::vector<language::TokenScore> scores(rows);
  state.ops.score(logits.const_data_ptr<float>(), rows, vocabulary, state.inverse_temperature,
            state.target_list.const_data_ptr<std::int32_t>() + first, scores.data());
  const std::int64_t* numbers = state.rows.numbers.const_data_ptr<std::int64_t>() + first;
  for (std::size_t row = 0; row < rows; ++row) {
    results.log_probs.mutable_data_ptr<float>()[numbers[row]] = scores[row].log_prob;
    results.entropy.mutable_data_ptr<float>()[numbers[row]] = scores[row].entropy;
    state.log_sum_exps.mutable_data_ptr<float>()[first + static_cast<std::int64_t>(row)] =
        scores[row].max + scores[row].log_sum;
  }
}

// --- with LibTorch's operations -----------------------------------------------------------------

at::Tensor plain_log_softmax(const Rows& rows, std::int64_t first, const at::Tensor& weight,
                             double inverse_temperature) {
  return at::log_softmax(at::mm(rows.hidden_at(first), weight.t()) * inverse_temperature, 1);
}

Tensors plain_backward(const Rows& rows, const at::Tensor& head, double inverse_temperature,
                       bool head_learns, const at::Tensor& all_gradients) {
  const at::Tensor gradients = all_gradients.index_select(0, rows.numbers) * inverse_temperature;
  const at::Tensor hidden_gradient = at::zeros_like(rows.hidden);
  const at::Tensor head_gradient = head_learns ? at::zeros_like(head) : at::Tensor();
  for (std::int64_t first = 0; first < rows.count(); first += rows.chunk_rows) {
    const std::int64_t size = rows.size_at(first);
    const at::Tensor g = gradients.narrow(0, first, size).unsqueeze(1);
    const at::Tensor by_logits =
        plain_log_softmax(rows, first, head, inverse_temperature).exp_() * -g;
    by_logits.scatter_add_(1, rows.targets.narrow(0, first, size).unsqueeze(1), g);
    if (head_learns) head_gradient.addmm_(by_logits.t(), rows.hidden_at(first));
    hidden_gradient.index_copy_(0, rows.numbers.narrow(0, first, size), at::mm(by_logits, head));
  }
  return {hidden_gradient, head_gradient};
}

}  // namespace

TokenLogProbs exact_score(const language::Ops& ops, const at::Tensor& hidden,
                          const at::Tensor& targets, const Weight& head,
                          float inverse_temperature, std::int64_t chunk_rows) {
  TokenLogProbs results{at::zeros({hidden.size(0)}, head.value.options()),
                        at::zeros({hidden.size(0)}, head.value.options())};
  const bool keep = needs_graph({hidden});
  Rows rows(hidden, targets, chunk_rows);
  const auto state = std::make_shared<ExactHead>(ExactHead{
      .ops = ops, .rows = rows, .head = head, .inverse_temperature = inverse_temperature,
      .target_list = rows.targets.to(at::kInt),
      .log_sum_exps = at::empty({rows.count()}, head.value.options()), .logits = {}});
  const at::Tensor logits = at::empty({std::min(rows.count(), chunk_rows), head.value.size(0)},
                                      head.value.options());
  for (std::int64_t first = 0; first < rows.count(); first += chunk_rows) {
    score_chunk(*state, first, logits.narrow(0, 0, rows.size_at(first)), results);
  }
  if (keep && rows.count() <= chunk_rows) state->logits = logits;
  record({hidden}, {results.log_probs},
         [state](const Tensors& g) { return Tensors{state->backward(g[0])}; });
  return results;
}

TokenLogProbs plain_score(const at::Tensor& hidden, const at::Tensor& targets, const Weight& head,
                          float inverse_temperature, std::int64_t chunk_rows) {
  TokenLogProbs results{at::zeros({hidden.size(0)}, hidden.options()),
                        at::zeros({hidden.size(0)}, hidden.options())};
  const Rows rows(hidden, targets, chunk_rows);
  const at::Tensor weight = head.value.detach();
  const double inverse = static_cast<double>(inverse_temperature);
  {
    const c10::NoGradGuard chunk_by_chunk;
    for (std::int64_t first = 0; first < rows.count(); first += chunk_rows) {
      const std::int64_t size = rows.size_at(first);
      const at::Tensor log_probs = plain_log_softmax(rows, first, weight, inverse);
      const at::Tensor numbers = rows.numbers.narrow(0, first, size);
      const at::Tensor targets_here = rows.targets.narrow(0, first, size).unsqueeze(1);
      results.log_probs.index_copy_(0, numbers, log_probs.gather(1, targets_here).squeeze(1));
      results.entropy.index_copy_(0, numbers, -(log_probs.exp() * log_probs).sum(1));
    }
  }
  const bool head_learns = head.value.requires_grad();
  record({hidden, head.value}, {results.log_probs},
         [rows, weight, inverse, head_learns](const Tensors& g) {
    return plain_backward(rows, weight, inverse, head_learns, g[0]);
  });
  return results;
}

}  // namespace rl::lm
