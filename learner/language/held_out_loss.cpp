#include "learner/language/held_out_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

#include <algorithm>


namespace rl {
namespace {

constexpr std::int64_t kRowsAtOnce = 512;  // of logits

at::Tensor head_of(const language::ModelWeights& weights, at::Device device) {
  const TensorView* head = weights.find("lm_head.weight");
  if (head == nullptr) head = &weights.require("model.embed_tokens.weight");
  const std::vector<float> values = language::to_f32(*head);
  return at::from_blob(const_cast<float*>(values.data()), head->shape, at::kFloat)
      .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

std::int64_t count_hits(const at::Tensor& hidden, const at::Tensor& targets,
                        const at::Tensor& head) {
  const at::Tensor rows = targets.ge(0).nonzero().squeeze(1);
  std::int64_t hits = 0;
  for (std::int64_t first = 0; first < rows.size(0); first += kRowsAtOnce) {
    const at::Tensor part = rows.narrow(0, first, std::min(kRowsAtOnce, rows.size(0) - first));
    const at::Tensor likeliest = at::mm(hidden.index_select(0, part), head.t()).argmax(1);
    hits += likeliest.eq(targets.index_select(0, part)).sum().item<std::int64_t>();
  }
  return hits;
}

}  // namespace

HeldOutLoss held_out_loss(LanguageModel& model, const language::ModelWeights& weights,
                          const Examples& examples, std::size_t micro_batch_tokens) {
  const c10::NoGradGuard no_graph;
  at::Tensor head;
  double sum = 0.0;
  std::int64_t hits = 0;
  HeldOutLoss result;
  for (const Examples& part : split_examples(examples, micro_batch_tokens)) {
    if (!head.defined()) head = head_of(weights, model.parameters().device());
    const PackedExamples packed = pack_examples(part, head.device());
    if (packed.loss_tokens == 0) continue;
    const at::Tensor hidden = model.hidden(packed.tokens);
    sum -= model.token_log_probs(hidden, packed.targets).log_probs.sum().item<double>();
    hits += count_hits(hidden, packed.targets, head);
    result.loss_tokens += packed.loss_tokens;
  }
  if (result.loss_tokens == 0) return result;
  result.loss = sum / static_cast<double>(result.loss_tokens);
  result.accuracy = static_cast<double>(hits) / static_cast<double>(result.loss_tokens);
  return result;
}

}  // namespace rl
