#include "rl/algorithms/language_value.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <string>

#include "rl/algorithms/ppo.h"
#include "rl/core/error.h"

namespace rl {
namespace {

void require_length(const char* name, const at::Tensor& tensor, std::int64_t expected) {
  if (tensor.defined() && tensor.dim() == 1 && tensor.size(0) == expected) return;
  throw Error({.where = "language_value_loss", .what = std::string(name) + " has the wrong shape",
               .expected = "[" + std::to_string(expected) + "]",
               .got = tensor.defined() ? std::to_string(tensor.numel()) + " elements" : "nothing"});
}

}  // namespace

LanguageValueLoss language_value_loss(double clip, const LanguageValueBatch& batch,
                                      const at::Tensor& values) {
  const std::int64_t tokens = values.numel();
  require_length("values", values, tokens);
  require_length("returns", batch.returns, tokens);
  require_length("weights", batch.weights, tokens);
  if (clip > 0.0) require_length("old_values", batch.old_values, tokens);
  LanguageValueLoss loss;
  const at::Tensor errors = value_errors(values, batch.old_values, batch.returns, clip);
  loss.total = 0.5 * (errors * batch.weights).sum();
  const at::NoGradGuard no_gradients;
  const at::Tensor unclipped = (values.detach() - batch.returns).square();
  loss.clip_fraction = errors.detach().gt(unclipped).to(at::kFloat).mean();
  return loss;
}

}  // namespace rl
