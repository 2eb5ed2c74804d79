// Everything a fine-tuning run is told, be it on examples or on pairs. No Torch here: the command
// line fills it, the learner reads it. Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rl {

struct FineTuneOptions {
  std::string algorithm = "sft";       // sft, rm (a reward model) or dpo
  std::string model{};                 // folder of the model to start from
  std::string out = "runs/sft";        // run directory
  bool resume = false;
  std::uint64_t seed = 1;
  std::string device = "cpu";          // cpu or cuda
  std::size_t threads = 0;             // 0: the machine's; changes no bit of the result
  bool quiet = false;                  // no progress line

  std::string data{};                  // JSON lines; docs/language-training.md
  std::string validation{};            // the same, never learned from
  double validation_split = 0.0;       // share of `data` that is set aside when `validation` is empty
  std::string loss_on = "completion";  // completion or all; sft alone
  std::size_t max_tokens = 0;          // of a sequence; 0: the model's context
  std::string too_long = "truncate";   // truncate (sft alone), skip or error
  bool skip_broken_lines = false;

  double center_rewards = 0.0;         // rm: coefficient of (chosen + rejected reward)^2
  double beta = 0.1;                   // dpo: how dear it is to leave the first model
  std::string dpo_loss = "sigmoid";    // dpo: sigmoid or ipo
  double label_smoothing = 0.0;        // dpo, sigmoid: share of pairs the wrong way round

  std::uint64_t epochs = 1;
  std::uint64_t steps = 0;             // of the optimiser; 0: as many as the epochs have
  std::size_t batch_tokens = 4096;     // most tokens of a step (a longer sequence stands alone)
  std::size_t micro_batch_tokens = 0;  // most tokens in one pass through the model; 0: batch_tokens
  double learning_rate = 2e-5;         // the highest
  std::string schedule = "cosine";     // cosine (to 0 at the end) or constant, after the warm-up
  std::uint64_t warmup_steps = 0;      // linearly up to learning_rate
  double weight_decay = 0.0;           // decoupled; matrices only
  double beta1 = 0.9;
  double beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_gradient_norm = 1.0;      // 0: no clipping

  std::size_t lora_rank = 0;           // 0: all weights learn
  double lora_alpha = 16.0;
  std::vector<std::string> lora_targets{"q_proj", "v_proj"};
  bool activation_checkpointing = false;
  bool bf16 = false;                   // cuda only
  std::string save_dtype = "f32";      // of <out>/model: f32, bf16 or f16

  std::uint64_t evaluate_every = 200;  // steps; 0: only at the end
  std::size_t evaluate_exact = 0;      // sft: held-out prompts answered greedily and compared
  std::size_t samples = 4;             // completions written to samples.jsonl at each evaluation
  std::size_t max_new_tokens = 128;    // of both
  double checkpoint_every = 60.0;      // seconds; 0: only at the end
  std::size_t keep_checkpoints = 3;
};

// The defaults of an algorithm: of dpo and rm a pair too long is skipped, and the rates are lower.
// Throws Error for another name.
FineTuneOptions fine_tune_defaults(const std::string& algorithm);

// Throws Error naming the option, what is allowed and what was given.
void validate(const FineTuneOptions& options);

}  // namespace rl
