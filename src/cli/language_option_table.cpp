#include "rl/algorithms/registry.h"
#include "rl/cli/language_command_line.h"
#include "src/cli/common_options.h"

namespace rl::cli {
namespace {

constexpr double kMostTexts = 1048576;

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const auto& row : language_policy_descriptions()) names.emplace_back(row.name);
  return names;
}

void add_run(OptionTable& table, LanguageTrainOptions& o) {
  table.group("The run");
  table.add({"algo", &o.run.algorithm, "NAME", {},
             "which loss; sets the defaults below. docs/algorithms/", algorithm_names()});
  table.add({"model", &o.model, "DIR", {}, "the model to start from, a Hugging Face directory"});
  table.add({"steps", &o.run.total_steps, "rounds", at_least(1),
             "length of the run; a round is --prompts times --group texts and, as a rule, one update"});
  table.add({"seed", &o.run.seed, "", {}, "same seed: same weights to the bit"});
  table.add({"stop-return", MaybeNumber{&o.run.stop_return, &o.run.has_stop_return}, "", {},
             "end early when the mean score of the held-out problems reaches X"});
  table.add({"out", &o.run.out, "DIR", {},
             "folder for configuration, metrics, report, checkpoints, samples"});
  table.add({"export", &o.export_to, "DIR", {},
             "folder of the trained model, a Hugging Face directory; empty: model in --out"});
  add_resume(table, o.run.resume);
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
             "VERIFIER[:WEIGHT[:ARGUMENT]],...: exact, numeric, answer, contains, regex, length, "
             "reward-model (its folder the argument); none: the task's own"});
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
  add_worker_mode(table, o.run);
  table.add({"sample-with", &o.sample_with, "WHAT", {},
             "kernels: ours on the CPU, exact; device: LibTorch on --device, in worker threads",
             {"kernels", "device"}});
  table.add({"mode", &o.run.mode, "MODE", {},
             "lockstep repeats exactly; in async workers sample later rounds while the learner "
             "learns from earlier ones",
             {"lockstep", "async"}});
  table.add({"max-staleness", &o.max_staleness, "versions", from_to(1, 1024),
             "async: how old a token's weights may be when it is learned from"});
  table.add({"slots", &o.run.num_slots, "", from_to(0, kMostWorkers),
             "shares of a round, one per worker at a time; 0: as many as workers"});
  add_connection(table, o.run);
  add_worker_wait(table, o.run);
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
             "groups whose rewards are all equal are sampled anew (DAPO)"});
  table.add({"max-resample", &o.max_resample, "rounds", at_least(1),
             "most rounds sampled for one update with --drop-zero-variance; 1: such groups are "
             "only left out"});
  table.add({"baseline", &o.baseline, "NAME", {}, "of the advantages; preset: the algorithm's",
             {"preset", "group-std", "group-mean", "batch-std", "leave-one-out", "whitened"}});
  table.add({"aggregation", &o.aggregation, "NAME", {},
             "of the tokens' losses; preset: the algorithm's",
             {"preset", "sequence-mean", "token-mean", "constant-length", "micro-batch-mean"}});
  table.add({"recompute-log-probs", &o.recompute_log_probs, "", {},
             "by the learner, even where the sampler's are exact"});
}

void add_critic(OptionTable& table, LanguageTrainOptions& o) {
  if (o.policy.baseline != Baseline::critic) return;
  table.group("The critic");
  LanguageCriticOptions& c = o.critic;
  table.add({"critic", &o.critic_model, "DIR", {},
             "what it starts from: a reward model, an earlier critic or a language model with the "
             "same tokenizer; empty: --model, all values 0"});
  table.add({"critic-lr", &o.critic_learning_rate, "", above(0), "learning rate of its own AdamW"});
  table.add({"critic-warmup", &c.warmup_rounds, "rounds", {},
             "at the start, in which it alone learns"});
  table.add({"discount", &c.discount, "", from_to(0, 1), "gamma, per token"});
  table.add({"gae-lambda", &c.lambda, "", from_to(0, 1),
             "lambda of the policy's advantages"});
  table.add({"critic-lambda", &c.value_lambda, "", from_to(0, 1),
             "lambda of the critic's targets; 1: rewards to go"});
  table.add({"value-clip", &c.value_clip, "", at_least(0),
             "how far a value may move per round; 0: any"});
  table.add({"whiten-advantages", &c.whiten_advantages, "", {},
             "over all tokens of a round: mean 0, deviation 1"});
  table.add({"whiten-rewards", &c.whiten_rewards, "", {}, "deviation 1; their mean stays"});
  table.add({"missing-stop-penalty", &c.missing_stop_penalty, "", at_least(0),
             "taken from the score of a text that its length ended"});
}

void add_optimisation(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Optimisation");
  table.add({"lr", &o.learning_rate, "", above(0), "learning rate of AdamW, the highest"});
  table.add({"schedule", &o.schedule, "NAME", {},
             "after the warm-up: level, or to 0 along a cosine",
             {"constant", "cosine"}});
  table.add({"warmup", &o.warmup_rounds, "rounds", {}, "while the learning rate rises"});
  add_adamw(table, o);
  table.add({"micro-batch-tokens", &o.micro_batch_tokens, "tokens", at_least(1),
             "most at once through the model, to save memory"});
  add_model_memory(table, o, "trained");
}

void add_evaluation(OptionTable& table, LanguageTrainOptions& o) {
  table.group("Evaluation and checkpoints");
  table.add({"eval-every", &o.run.evaluate_every, "rounds", {},
             "between evaluations; 0: only at the end"});
  table.add({"eval-problems", &o.evaluation_problems, "", {},
             "of the held-out ones, answered greedily; 0: all"});
  table.add({"samples", &o.samples, "completions", {}, "written to samples.jsonl each time"});
  add_checkpoints(table, o.run);
}

}  // namespace

OptionTable language_option_table(LanguageTrainOptions& options) {
  OptionTable table;
  add_run(table, options);
  add_problems(table, options);
  add_sampling(table, options);
  add_workers(table, options);
  add_loss(table, options);
  add_critic(table, options);
  add_optimisation(table, options);
  add_evaluation(table, options);
  return table;
}

}  // namespace rl::cli
