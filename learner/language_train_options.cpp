#include "rl/learner/language_train_options.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "rl/core/error.h"

namespace rl {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = "train options",
               .what = option + " is not usable",
               .expected = expected,
               .got = got,
               .remedy = "see `corral train --algo grpo --help`"});
}

void require_one_of(const std::string& option, const std::string& value,
                    std::initializer_list<std::string_view> allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  std::string names;
  for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + std::string(name);
  refuse(option, names, "'" + value + "'");
}

void require_within(const std::string& option, double value, double low, double high,
                    const std::string& expected) {
  if (value >= low && value <= high) return;
  refuse(option, expected, std::to_string(value));
}

void check_sampling(const LanguageTrainOptions& options) {
  constexpr double kMost = 1 << 20;
  constexpr double kTiny = 1e-300;
  const auto count = [](std::size_t value) { return static_cast<double>(value); };
  require_within("--prompts", count(options.prompts), 1, kMost, "1 to 1048576");
  require_within("--group", count(options.group), 1, kMost, "1 to 1048576");
  require_within("--prompts * --group", count(options.prompts) * count(options.group), 1, kMost,
                 "1 to 1048576");
  require_within("--max-prompt", count(options.max_prompt_tokens), 1, kMost, "1 to 1048576");
  require_within("--max-new", count(options.max_new_tokens), 1, kMost, "1 to 1048576");
  require_within("--temperature", options.temperature, kTiny, 1e6, "more than 0");
  require_within("--top-p", options.top_p, kTiny, 1, "more than 0, at most 1");
  require_within("--min-p", options.min_p, 0, 1, "0 to 1");
  require_within("--reward-limit", options.reward_limit, kTiny, 1e6, "more than 0, at most 1e6");
  if (options.data.empty() && options.task.empty()) {
    refuse("--task", "a task's name, or --data FILE.jsonl", "''");
  }
}

void check_optimisation(const LanguageTrainOptions& options) {
  constexpr double kLargest = 1e300;
  constexpr double kTiny = 1e-300;
  require_one_of("--tool", options.tool, {"none", "calculator"});
  require_one_of("--schedule", options.schedule, {"constant", "cosine"});
  require_one_of("--kl-estimator", options.kl_estimator, {"k1", "k2", "k3"});
  require_within("--lr", options.learning_rate, kTiny, kLargest, "more than 0");
  require_within("--adam-epsilon", options.adam_epsilon, kTiny, kLargest, "more than 0");
  require_within("--weight-decay", options.weight_decay, 0.0, kLargest, "0 or more");
  require_within("--max-gradient-norm", options.max_gradient_norm, 0.0, kLargest, "0 or more");
  require_within("--beta1", options.beta1, 0.0, 0.999999, "from 0 to below 1");
  require_within("--beta2", options.beta2, 0.0, 0.999999, "from 0 to below 1");
  require_within("--lora-alpha", options.lora_alpha, kTiny, kLargest, "more than 0");
  if (options.lora_rank > 0 && options.lora_targets.empty()) {
    refuse("--lora-targets", "names of modules, such as q_proj,v_proj", "none");
  }
  if (options.micro_batch_tokens == 0) refuse("--micro-batch-tokens", "1 or more", "0");
  validate(options.policy);
}

}  // namespace

LanguageTrainOptions::LanguageTrainOptions() {
  run.algorithm = "grpo";
  run.total_steps = 500;
  run.evaluate_every = 20;
  run.out = "runs/grpo";
  policy = language_policy_preset(run.algorithm);
}

void validate(const LanguageTrainOptions& options) {
  TrainOptions run = options.run;
  run.num_environments = std::max<std::size_t>(options.prompts * options.group, 1);
  validate(run);
  language_policy_preset(run.algorithm);
  require_one_of("--mode", run.mode, {"lockstep"});
  if (options.model.empty()) refuse("--model", "the folder of a model", "''");
  require_one_of("--save-dtype", options.save_dtype, {"f32", "bf16", "f16"});
  if (options.bf16 && run.device != "cuda") refuse("--bf16", "--device cuda", run.device);
  check_sampling(options);
  check_optimisation(options);
}

}  // namespace rl
