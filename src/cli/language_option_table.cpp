#include "rl/algorithms/registry.h"
#include "rl/cli/language_command_line.h"

namespace rl::cli {
namespace {

constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range from_to(double low, double high) { return {.low = low, .high = high}; }
constexpr Range above(double low) { return {.low = low, .low_open = true}; }

constexpr double kMostWorkers = 4096;
constexpr double kMostTexts = 1048576;
constexpr double kLongestWait = 86400;  // seconds

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const auto& row : language_policy_descriptions()) names.emplace_back(row.name);
  return names;
}

void add_run(OptionTable& table, LanguageTrainOptions& o) {
  table.group("The run");
  table.add({"algo", &o.run.algorithm, "NAME", {},
             "which loss; sets the defaults below. docs/algorithms/grpo.md", algorithm_names()});
  table.add({"model", &o.model, "DIR", {}, "the model to start from, a Hugging Face directory"});
  table.add({"steps", &o.run.total_steps, "rounds", at_least(1),
             "length of the run; a round is --prompts times --group texts and one update"});
  table.add({"seed", &o.run.seed, "", {}, "same seed: same weights to the bit"});
  table.add({"stop-return", MaybeNumber{&o.run.stop_return, &o.run.has_stop_return}, "", {},
             "end early when the mean score of the held-out problems reaches X"});
  table.add({"out", &o.run.out, "DIR", {},
             "folder for configuration, metrics, report, checkpoints, samples"});
  table.add({"export", &o.export_to, "DIR", {},
             "folder of the trained model, a Hugging Face directory; empty: model in --out"});
  table.add({"resume", &o.run.resume, "", {},
             "continue the run in --out from its newest checkpoint, with its own options", {},
             false});
  table.add({"device", &o.run.device, "DEVICE", {}, "where the learner computes", {"cpu", "cuda"}});
  table.add({"threads", &o.threads, "", from_to(0, 4096),
             "of the learner; 0: all. Part of what the result depends on"});
  table.add({"quiet", &o.run.quiet, "", {}, "no progress line"});
}

void add_problems(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Problems and rewards");
  table.add({"task", &o.task, "NAME", {},
             "made-up problems with known answers: addition, reverse, sorting, chain-sum, "
             "countdown, letter-count"});
  table.add({"digits", &o.digits, "", from_to(1, 18), "of the numbers in --task"});
  table.add({"length", &o.length, "", from_to(1, 256), "letters, digits or terms in --task"});
  table.add({"data", &o.data, "FILE.jsonl", {},
             "problems instead of --task: lines {\"prompt\": ..., \"answer\": ...}; every worker "
             "must find the file"});
  table.add({"skip-broken-lines", &o.skip_broken_lines, "", {},
             "count lines that cannot be used instead of stopping at the first"});
  table.add({"held-out", &o.held_out, "problems", from_to(1, kMostTexts),
             "kept for evaluation, never trained on"});
  table.add({"prompt-template", &o.prompt_template, "TEXT", {},
             "what the model sees; {prompt} stands for the problem"});
  table.add({"chat", &o.chat, "", {}, "as a user's message, through the model's chat template"});
  table.add({"rewards", &o.rewards, "LIST", {},
             "VERIFIER[:WEIGHT[:ARGUMENT]],...: exact, numeric, answer, contains, regex, length; "
             "none: the task's own"});
  table.add({"reward-limit", &o.reward_limit, "", above(0), "scores are kept within +- this"});
  table.add({"score-truncated", &o.score_truncated, "", {},
             "score texts that their length ended too; otherwise they have 0"});
  table.add({"tool", &o.tool, "NAME", {}, "calculator answers <<2+3= inside a text",
             {"none", "calculator"}});
}

void add_sampling(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Sampling");
  table.add({"prompts", &o.prompts, "", from_to(1, kMostTexts), "problems of a round"});
  table.add({"group", &o.group, "", from_to(1, kMostTexts), "samples of each"});
  table.add({"max-prompt", &o.max_prompt_tokens, "tokens", from_to(1, kMostTexts),
             "longer prompts are passed over"});
  table.add({"max-new", &o.max_new_tokens, "tokens", from_to(1, kMostTexts),
             "most of a completion"});
  table.add({"temperature", &o.temperature, "", above(0),
             "of sampling, and of the policy learned"});
  table.add({"top-k", &o.top_k, "", {}, "sample among the k likeliest; 0: all"});
  table.add({"top-p", &o.top_p, "", {0, 1, true},
             "sample among the likeliest that have this share"});
  table.add({"min-p", &o.min_p, "", from_to(0, 1),
             "sample among those with this share of the likeliest's probability"});
}

void add_workers(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Workers");
  table.add({"workers", &o.run.num_workers, "", from_to(0, kMostWorkers),
             "local workers that sample; 0 waits for `corral worker --connect`"});
  table.add({"worker-mode", &o.run.worker_mode, "MODE", {}, "what a local worker is",
             {"thread", "process"}});
  table.add({"slots", &o.run.num_slots, "", from_to(0, kMostWorkers),
             "shares of a round, one per worker at a time; 0: as many as workers"});
  table.add({"endpoint", &o.run.endpoint, "KIND", {}, "how local workers reach the learner",
             {"inproc", "ipc", "tcp"}});
  table.add({"bind", &o.run.bind, "URL", {},
             "full address instead of --endpoint, e.g. tcp://0.0.0.0:5555 (needs --keys)"});
  table.add({"keys", &o.run.keys, "DIR", {},
             "encrypt and authenticate with keys of `corral keygen`"});
  table.add({"worker-wait", &o.run.worker_wait, "seconds", {0, kLongestWait, true},
             "how long a round may wait for a silent worker"});
}

void add_loss(OptionTable& table, LanguageTrainOptions& o) {
  table.group("The loss");
  LanguagePolicyOptions& p = o.policy;
  table.add({"clip-low", &p.clip_low, "", {0, 1, true}, "how far the ratio may fall below 1"});
  table.add({"clip-high", &p.clip_high, "", above(0), "and rise above"});
  table.add({"dual-clip", &p.dual_clip, "", at_least(0),
             "bound of the loss where the advantage is negative; 0: none"});
  table.add({"truncation-cap", &p.truncation_cap, "", above(0), "CISPO: most of the ratio"});
  table.add({"importance-cap", &p.importance_cap, "", at_least(0),
             "most of the correction where sampler and learner disagree; 0: none"});
  table.add({"kl", &p.kl_coefficient, "", at_least(0),
             "weight of the distance to the model of the start; 0: it is not even loaded"});
  table.add({"kl-estimator", &o.kl_estimator, "NAME", {},
             "how it is estimated", {"k1", "k2", "k3"}});
  table.add({"kl-in-reward", &p.kl_in_reward, "", {}, "taken from the reward instead of the loss"});
  table.add({"std-epsilon", &p.std_epsilon, "", at_least(0), "added to the rewards' deviation"});
  table.add({"epochs", &p.epochs, "", at_least(1), "passes over a round's texts"});
  table.add({"minibatches", &p.minibatches, "", at_least(1), "optimiser steps per pass"});
  table.add({"mask-truncated", &p.mask_truncated, "", {},
             "texts that their length ended teach nothing"});
  table.add({"overlong-buffer", &p.overlong_buffer, "tokens", {},
             "before --max-new, over which a punishment grows from 0 to 1; 0: none"});
  table.add({"drop-zero-variance", &p.drop_zero_variance, "", {},
             "leave out groups whose rewards are all equal"});
  table.add({"recompute-log-probs", &o.recompute_log_probs, "", {},
             "by the learner, even where the sampler's are exact"});
}

void add_optimisation(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Optimisation");
  table.add({"lr", &o.learning_rate, "", above(0), "learning rate of AdamW, the highest"});
  table.add({"schedule", &o.schedule, "NAME", {},
             "after the warm-up: level, or to 0 along a cosine",
             {"constant", "cosine"}});
  table.add({"warmup", &o.warmup_rounds, "rounds", {}, "while the learning rate rises"});
  table.add({"weight-decay", &o.weight_decay, "", at_least(0), "decoupled, of matrices"});
  table.add({"beta1", &o.beta1, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"beta2", &o.beta2, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"adam-epsilon", &o.adam_epsilon, "", above(0), "of AdamW"});
  table.add({"max-gradient-norm", &o.max_gradient_norm, "", at_least(0),
             "longer gradients are scaled down to this; 0: never"});
  table.add({"micro-batch-tokens", &o.micro_batch_tokens, "tokens", at_least(1),
             "most at once through the model, to save memory"});
  table.add({"lora-rank", &o.lora_rank, "", from_to(0, 65536),
             "learn low-rank adapters only; 0: all weights"});
  table.add({"lora-alpha", &o.lora_alpha, "", above(0), "adapters are scaled by alpha / rank"});
  table.add({"lora-targets", &o.lora_targets, "NAMES", {}, "the modules that get adapters"});
  table.add({"activation-checkpointing", &o.activation_checkpointing, "", {},
             "compute activations twice instead of keeping them"});
  table.add({"bf16", &o.bf16, "", {}, "16-bit products on the GPU"});
  table.add({"save-dtype", &o.save_dtype, "TYPE", {}, "of the trained model's tensors",
             {"f32", "bf16", "f16"}});
}

void add_evaluation(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Evaluation and checkpoints");
  table.add({"eval-every", &o.run.evaluate_every, "rounds", {},
             "between evaluations; 0: only at the end"});
  table.add({"eval-problems", &o.evaluation_problems, "", {},
             "of the held-out ones, answered greedily; 0: all"});
  table.add({"samples", &o.samples, "completions", {}, "written to samples.jsonl each time"});
  table.add({"checkpoint-every", &o.run.checkpoint_every, "seconds", from_to(0, kLongestWait),
             "between checkpoints; 0: only at the end"});
  table.add({"keep-checkpoints", &o.run.keep_checkpoints, "", from_to(1, 1000000),
             "older ones are removed"});
}

}  // namespace

OptionTable language_option_table(LanguageTrainOptions& options) {
  OptionTable table;
  add_run(table, options);
  add_problems(table, options);
  add_sampling(table, options);
  add_workers(table, options);
  add_loss(table, options);
  add_optimisation(table, options);
  add_evaluation(table, options);
  return table;
}

}  // namespace rl::cli
