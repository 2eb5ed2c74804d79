#include "rl/learner/language_train_options.h"

#include <algorithm>

#include "learner/option_checks.h"

namespace rl {
namespace {

constexpr OptionChecks kChecks("train options", "corral train --algo grpo --help");

void check_sampling(const LanguageTrainOptions& options) {
  constexpr double kMost = 1 << 20;
  const auto count = [](std::size_t value) { return static_cast<double>(value); };
  kChecks.within("--prompts", count(options.prompts), 1, kMost, "1 to 1048576");
  kChecks.within("--group", count(options.group), 1, kMost, "1 to 1048576");
  kChecks.within("--prompts * --group", count(options.prompts) * count(options.group), 1, kMost,
                 "1 to 1048576");
  kChecks.within("--max-prompt", count(options.max_prompt_tokens), 1, kMost, "1 to 1048576");
  kChecks.within("--max-new", count(options.max_new_tokens), 1, kMost, "1 to 1048576");
  kChecks.within("--temperature", options.temperature, OptionChecks::kTiny, 1e6, "more than 0");
  kChecks.within("--top-p", options.top_p, OptionChecks::kTiny, 1, "more than 0, at most 1");
  kChecks.within("--min-p", options.min_p, 0, 1, "0 to 1");
  kChecks.within("--reward-limit", options.reward_limit, OptionChecks::kTiny, 1e6,
                 "more than 0, at most 1e6");
  if (options.data.empty() && options.task.empty()) {
    kChecks.refuse("--task", "a task's name, or --data FILE.jsonl", "''");
  }
}

void check_samplers(const LanguageTrainOptions& options) {
  kChecks.one_of("--sample-with", options.sample_with, {"kernels", "device"});
  if (options.sample_with == "kernels") return;
  if (options.run.num_workers == 0) {
    kChecks.refuse("--sample-with device", "at least one local worker: --workers", "none");
  }
  if (options.run.worker_mode != "thread") {
    kChecks.refuse("--sample-with device", "--worker-mode thread", options.run.worker_mode);
  }
}

void check_optimisation(const LanguageTrainOptions& options) {
  kChecks.one_of("--tool", options.tool, {"none", "calculator"});
  kChecks.one_of("--schedule", options.schedule, {"constant", "cosine"});
  kChecks.one_of("--kl-estimator", options.kl_estimator, {"k1", "k2", "k3"});
  kChecks.within("--lr", options.learning_rate, OptionChecks::kTiny,
                 OptionChecks::kLargest, "more than 0");
  kChecks.optimiser(options);
  kChecks.at_least_one("--micro-batch-tokens", options.micro_batch_tokens);
  validate(options.policy);
}

void check_critic(const LanguageTrainOptions& options) {
  kChecks.within("--critic-lr", options.critic_learning_rate, OptionChecks::kTiny,
                 OptionChecks::kLargest, "more than 0");
  validate(options.critic);
  if (options.policy.baseline != Baseline::critic) return;
  if (options.policy.drop_zero_variance) {
    kChecks.refuse("--drop-zero-variance", "false: groups mean nothing to " + options.run.algorithm,
                   "true");
  }
  if (options.critic.warmup_rounds >= options.run.total_steps) {
    kChecks.refuse("--critic-warmup", "fewer rounds than --steps, " +
                   std::to_string(options.run.total_steps),
                   std::to_string(options.critic.warmup_rounds));
  }
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
  if (run.mode == "async") {
    kChecks.within("--max-staleness", static_cast<double>(options.max_staleness), 1, 1024,
                   "1 to 1024 with --mode async");
  }
  kChecks.at_least_one("--max-resample", options.max_resample);
  if (options.baseline != "preset") {
    baseline_from(options.baseline);
    if (options.policy.baseline == Baseline::critic) {
      kChecks.refuse("--baseline", "preset with --algo " + run.algorithm + ": its critic is it",
                     options.baseline);
    }
  }
  if (options.aggregation != "preset") aggregation_from(options.aggregation);
  kChecks.text("--model", options.model, "the folder of a model");
  kChecks.one_of("--save-dtype", options.save_dtype, {"f32", "bf16", "f16"});
  if (options.bf16 && run.device != "cuda") kChecks.refuse("--bf16", "--device cuda", run.device);
  check_sampling(options);
  check_samplers(options);
  check_optimisation(options);
  check_critic(options);
}

}  // namespace rl
