#include "learner/language/policy_setup.h"

#include "rl/core/error.h"

namespace rl {

LanguageModelOptions model_options(const LanguageTrainOptions& options) {
  LanguageModelOptions result;
  result.activation_checkpointing = options.activation_checkpointing;
  result.bf16_autocast = options.bf16;
  result.threads = options.threads;
  result.lora = {.rank = static_cast<std::int64_t>(options.lora_rank),
                 .alpha = options.lora_alpha,
                 .targets = options.lora_targets};
  result.seed = options.run.seed;
  return result;
}

AdamOptions adam_options(const LanguageTrainOptions& options) {
  return {.beta1 = options.beta1,
          .beta2 = options.beta2,
          .epsilon = options.adam_epsilon,
          .max_gradient_norm = options.max_gradient_norm,
          .weight_decay = options.weight_decay};
}

LanguagePolicyOptions policy_options(const LanguageTrainOptions& options) {
  LanguagePolicyOptions policy = options.policy;
  if (options.kl_estimator == "k1") policy.kl_estimator = KlEstimator::k1;
  if (options.kl_estimator == "k2") policy.kl_estimator = KlEstimator::k2;
  if (options.kl_estimator == "k3") policy.kl_estimator = KlEstimator::k3;
  if (options.baseline != "preset") policy.baseline = baseline_from(options.baseline);
  if (options.aggregation != "preset") policy.aggregation = aggregation_from(options.aggregation);
  return policy;
}

void require_context(const LanguageTrainOptions& options, std::size_t context,
                     const std::string& where, const std::string& model) {
  const std::size_t longest = options.max_prompt_tokens + options.max_new_tokens;
  if (longest <= context) return;
  throw Error({.where = where,
               .what = model + "'s context is too short for the texts",
               .expected = "max prompt + max new tokens of at most " + std::to_string(context),
               .got = std::to_string(longest),
               .remedy = "lower --max-prompt or --max-new"});
}

TextLimits text_limits(const LanguageTrainOptions& options, std::size_t context) {
  require_context(options, context, "LanguagePolicyAlgorithm", "the model");
  return {.max_tokens = options.max_prompt_tokens + options.max_new_tokens,
          .max_new_tokens = options.max_new_tokens};
}

}  // namespace rl
