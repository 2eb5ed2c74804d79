#include "rl/cli/sft_command_line.h"

namespace rl::cli {
namespace {

constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range from_to(double low, double high) { return {.low = low, .high = high}; }
constexpr Range above(double low) { return {.low = low, .low_open = true}; }

void add_run(OptionTable& table, SftOptions& o) {
  table.group("The run");
  table.add({"algo", &o.algorithm, "NAME", {}, "supervised fine-tuning", {"sft"}});
  table.add({"model", &o.model, "DIR", {}, "the model to start from, a Hugging Face directory"});
  table.add({"out", &o.out, "DIR", {},
             "folder for configuration, metrics, report, checkpoints and the tuned model"});
  table.add({"resume", &o.resume, "", {},
             "continue the run in --out from its newest checkpoint, with its own options", {},
             false});
  table.add({"seed", &o.seed, "", {},
             "of the order of the data; same seed: same weights to the bit"});
  table.add({"device", &o.device, "DEVICE", {}, "where the model computes", {"cpu", "cuda"}});
  table.add({"threads", &o.threads, "", from_to(0, 4096),
             "of the CPU; 0: all. Part of what the result depends on"});
  table.add({"quiet", &o.quiet, "", {}, "no progress line"});
}

void add_data(OptionTable& table, SftOptions& o) {
  table.group("Data");
  table.add({"data", &o.data, "FILE.jsonl", {},
             "lines {\"prompt\": ..., \"completion\": ...} or {\"messages\": [...]}"});
  table.add({"validation", &o.validation, "FILE.jsonl", {}, "lines that are never learned from"});
  table.add({"validation-split", &o.validation_split, "of --data", from_to(0, 0.9),
             "set aside instead, chosen by the seed"});
  table.add({"loss-on", &o.loss_on, "WHAT", {},
             "completions (of conversations the assistant's messages), or the prompts too",
             {"completion", "all"}});
  table.add({"max-tokens", &o.max_tokens, "tokens", {},
             "of a sequence; 0: as many as the model can see"});
  table.add({"too-long", &o.too_long, "POLICY", {},
             "longer sequences are cut off at the end, left out (both counted), or refused",
             {"truncate", "skip", "error"}});
  table.add({"skip-broken-lines", &o.skip_broken_lines, "", {},
             "count lines that cannot be used instead of stopping at the first"});
}

void add_optimisation(OptionTable& table, SftOptions& o) {
  table.group("Optimisation");
  table.add({"epochs", &o.epochs, "", at_least(1), "passes over the data"});
  table.add({"steps", &o.steps, "optimiser steps", {},
             "length of the run instead of --epochs; 0: off"});
  table.add({"batch-tokens", &o.batch_tokens, "tokens", at_least(1), "most per optimiser step"});
  table.add({"micro-batch-tokens", &o.micro_batch_tokens, "tokens", {},
             "most at once through the model, to save memory; 0: the whole batch"});
  table.add({"learning-rate", &o.learning_rate, "", above(0), "of AdamW, the highest"});
  table.add({"schedule", &o.schedule, "NAME", {},
             "after the warm-up: down to 0 along a cosine, or level", {"cosine", "constant"}});
  table.add({"warmup-steps", &o.warmup_steps, "optimiser steps", {},
             "while the learning rate rises to its highest"});
  table.add({"weight-decay", &o.weight_decay, "", at_least(0), "decoupled, of matrices"});
  table.add({"beta1", &o.beta1, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"beta2", &o.beta2, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"adam-epsilon", &o.adam_epsilon, "", above(0), "of AdamW"});
  table.add({"max-gradient-norm", &o.max_gradient_norm, "", at_least(0),
             "longer gradients are scaled down to this; 0: never"});
}

void add_model(OptionTable& table, SftOptions& o) {
  table.group("What learns, and memory");
  table.add({"lora-rank", &o.lora_rank, "", from_to(0, 65536),
             "learn low-rank adapters only; 0: all weights"});
  table.add({"lora-alpha", &o.lora_alpha, "", above(0), "adapters are scaled by alpha / rank"});
  table.add({"lora-targets", &o.lora_targets, "NAMES", {}, "the modules that get adapters"});
  table.add({"activation-checkpointing", &o.activation_checkpointing, "", {},
             "compute activations twice instead of keeping them"});
  table.add({"bf16", &o.bf16, "", {}, "16-bit products on the GPU"});
  table.add({"save-dtype", &o.save_dtype, "TYPE", {}, "of the tuned model's tensors",
             {"f32", "bf16", "f16"}});
}

void add_evaluation(OptionTable& table, SftOptions& o) {
  table.group("Evaluation and checkpoints");
  table.add({"eval-every", &o.evaluate_every, "optimiser steps", {},
             "between evaluations; 0: only at the end"});
  table.add({"evaluate-exact", &o.evaluate_exact, "prompts", {},
             "of the validation data, answered greedily and compared to the letter"});
  table.add({"samples", &o.samples, "completions", {}, "written to samples.jsonl each time"});
  table.add({"max-new-tokens", &o.max_new_tokens, "tokens", at_least(1), "most of a completion"});
  table.add({"checkpoint-every", &o.checkpoint_every, "seconds", from_to(0, 86400),
             "between checkpoints; 0: only at the end"});
  table.add({"keep-checkpoints", &o.keep_checkpoints, "", from_to(1, 1000000),
             "older ones are removed"});
}

}  // namespace

OptionTable sft_option_table(SftOptions& options) {
  OptionTable table;
  add_run(table, options);
  add_data(table, options);
  add_optimisation(table, options);
  add_model(table, options);
  add_evaluation(table, options);
  return table;
}

}  // namespace rl::cli
