#include "rl/cli/fine_tune_command_line.h"
#include "src/cli/common_options.h"

namespace rl::cli {
namespace {

void add_run(OptionTable& table, FineTuneOptions& o) {
  table.group("The run");
  table.add({"algo", &o.algorithm, "NAME", {},
             "supervised fine-tuning, a reward model, or direct preference optimisation",
             {"sft", "rm", "dpo"}});
  table.add({"model", &o.model, "DIR", {}, "the model to start from, a Hugging Face directory"});
  table.add({"out", &o.out, "DIR", {},
             "folder for configuration, metrics, report, checkpoints and the tuned model"});
  add_resume(table, o.resume);
  table.add({"seed", &o.seed, "", {},
             "of the order of the data; same seed: same weights to the bit"});
  table.add({"device", &o.device, "DEVICE", {}, "where the model computes", {"cpu", "cuda"}});
  table.add({"threads", &o.threads, "", from_to(0, 4096),
             "of the CPU; 0: all. Part of what the result depends on"});
  table.add({"quiet", &o.quiet, "", {}, "no progress line"});
}

bool learns_pairs(const FineTuneOptions& o) { return o.algorithm != "sft"; }

void add_data(OptionTable& table, FineTuneOptions& o) {
  table.group("Data");
  table.add({"data", &o.data, "FILE.jsonl", {},
             learns_pairs(o)
                 ? "lines {\"prompt\": ..., \"chosen\": ..., \"rejected\": ...}, texts or messages"
                 : "lines {\"prompt\": ..., \"completion\": ...} or {\"messages\": [...]}"});
  table.add({"validation", &o.validation, "FILE.jsonl", {}, "lines that are never learned from"});
  table.add({"validation-split", &o.validation_split, "of --data", from_to(0, 0.9),
             "set aside instead, chosen by the seed"});
  if (!learns_pairs(o)) {
    table.add({"loss-on", &o.loss_on, "WHAT", {},
               "completions (of conversations the assistant's messages), or the prompts too",
               {"completion", "all"}});
  }
  table.add({"max-tokens", &o.max_tokens, "tokens", {},
             "of a sequence; 0: as many as the model can see"});
  if (learns_pairs(o)) {
    table.add({"too-long", &o.too_long, "POLICY", {},
               "pairs with a longer sequence are left out and counted, or refused",
               {"skip", "error"}});
  } else {
    table.add({"too-long", &o.too_long, "POLICY", {},
               "longer sequences are cut off at the end, left out (both counted), or refused",
               {"truncate", "skip", "error"}});
  }
  table.add({"skip-broken-lines", &o.skip_broken_lines, "", {},
             "count lines that cannot be used instead of stopping at the first"});
}

void add_loss(OptionTable& table, FineTuneOptions& o) {
  if (o.algorithm == "rm") {
    table.group("Reward model");
    table.add({"center-rewards", &o.center_rewards, "", at_least(0),
               "keeps rewards around 0: this times (chosen + rejected)^2 is added to the loss"});
  }
  if (o.algorithm == "dpo") {
    table.group("Direct preference optimisation");
    table.add({"beta", &o.beta, "", above(0), "how dear it is to leave the first model"});
    table.add({"dpo-loss", &o.dpo_loss, "NAME", {}, "on summed log-probs, or IPO's on means",
               {"sigmoid", "ipo"}});
    table.add({"label-smoothing", &o.label_smoothing, "", from_to(0, 0.499999),
               "share of pairs that may be the wrong way round (sigmoid)"});
  }
}

void add_optimisation(OptionTable& table, FineTuneOptions& o) {
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
  add_adamw(table, o);
}

void add_model(OptionTable& table, FineTuneOptions& o) {
  table.group("What learns, and memory");
  add_model_memory(table, o, "tuned");
}

void add_evaluation(OptionTable& table, FineTuneOptions& o) {
  table.group("Evaluation and checkpoints");
  table.add({"eval-every", &o.evaluate_every, "optimiser steps", {},
             "between evaluations; 0: only at the end"});
  if (!learns_pairs(o)) {
    table.add({"evaluate-exact", &o.evaluate_exact, "prompts", {},
               "of the validation data, answered greedily and compared to the letter"});
  }
  table.add({"samples", &o.samples, o.algorithm == "rm" ? "pairs" : "completions", {},
             "written to samples.jsonl each time"});
  if (o.algorithm != "rm") {
    table.add({"max-new-tokens", &o.max_new_tokens, "tokens", at_least(1), "most of a completion"});
  }
  add_checkpoints(table, o);
}

}  // namespace

OptionTable fine_tune_option_table(FineTuneOptions& options) {
  OptionTable table;
  add_run(table, options);
  add_data(table, options);
  add_loss(table, options);
  add_optimisation(table, options);
  add_model(table, options);
  add_evaluation(table, options);
  return table;
}

}  // namespace rl::cli
