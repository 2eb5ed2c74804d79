#include "learner/language/sft_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

namespace rl {

SftLoss compute_gradients(LanguageModel& model, const Examples& batch,
                          std::size_t micro_batch_tokens) {
  const at::Device device = model.parameters().device();
  SftLoss loss{.value = at::zeros({}, at::TensorOptions().device(device).dtype(at::kFloat))};
  for (const auto* example : batch) {
    loss.tokens += example->tokens.size();
    loss.loss_tokens += example->loss_tokens();
  }
  model.parameters().gradients().zero_();
  for (const Examples& part : split_examples(batch, micro_batch_tokens)) {
    const PackedExamples packed = pack_examples(part, device);
    if (packed.loss_tokens == 0) continue;
    const TokenLogProbs scores = model.token_log_probs(model.hidden(packed.tokens), packed.targets);
    const at::Tensor share = -scores.log_probs.sum() / static_cast<double>(loss.loss_tokens);
    share.backward();
    loss.value.add_(share.detach());
  }
  return loss;
}

}  // namespace rl
