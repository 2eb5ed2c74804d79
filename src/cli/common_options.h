// Groups of options that several kinds of run have, under the same names and with the same words.
#pragma once

#include <string>

#include "rl/cli/options.h"
#include "rl/learner/train_options.h"

namespace rl::cli {

constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range from_to(double low, double high) { return {.low = low, .high = high}; }
constexpr Range above(double low) { return {.low = low, .low_open = true}; }

inline constexpr double kMostWorkers = 4096;
inline constexpr double kLongestWait = 86400;  // seconds

void add_resume(OptionTable& table, bool& resume);
void add_worker_mode(OptionTable& table, TrainOptions& options);
// Where workers and learner find each other: endpoint, bind, keys.
void add_connection(OptionTable& table, TrainOptions& options);
void add_worker_wait(OptionTable& table, TrainOptions& options);

template <class Options>
void add_checkpoints(OptionTable& table, Options& o) {
  table.add({"checkpoint-every", &o.checkpoint_every, "seconds", from_to(0, kLongestWait),
             "between checkpoints; 0: only at the end"});
  table.add({"keep-checkpoints", &o.keep_checkpoints, "", from_to(1, 1000000),
             "older ones are removed"});
}

template <class Options>
void add_adamw(OptionTable& table, Options& o) {
  table.add({"weight-decay", &o.weight_decay, "", at_least(0), "decoupled, of matrices"});
  table.add({"beta1", &o.beta1, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"beta2", &o.beta2, "", from_to(0, 0.999999), "of AdamW"});
  table.add({"adam-epsilon", &o.adam_epsilon, "", above(0), "of AdamW"});
  table.add({"max-gradient-norm", &o.max_gradient_norm, "", at_least(0),
             "longer gradients are scaled down to this; 0: never"});
}

// `result`: what the run makes of the model, "tuned" or "trained".
template <class Options>
void add_model_memory(OptionTable& table, Options& o, const std::string& result) {
  table.add({"lora-rank", &o.lora_rank, "", from_to(0, 65536),
             "learn low-rank adapters only; 0: all weights"});
  table.add({"lora-alpha", &o.lora_alpha, "", above(0), "adapters are scaled by alpha / rank"});
  table.add({"lora-targets", &o.lora_targets, "NAMES", {}, "the modules that get adapters"});
  table.add({"activation-checkpointing", &o.activation_checkpointing, "", {},
             "compute activations twice instead of keeping them"});
  table.add({"bf16", &o.bf16, "", {}, "16-bit products on the GPU"});
  table.add({"save-dtype", &o.save_dtype, "TYPE", {}, "of the " + result + " model's tensors",
             {"f32", "bf16", "f16"}});
}

}  // namespace rl::cli
