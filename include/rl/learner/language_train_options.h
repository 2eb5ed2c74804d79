// Everything a reinforcement-learning run on texts is told. No Torch here: the command line fills
// it, the learner reads it. Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rl/algorithms/language_options.h"
#include "rl/learner/train_options.h"

namespace rl {

struct LanguageTrainOptions {
  LanguageTrainOptions();

  // The part that every run has. total_steps and evaluate_every count rounds: a round is
  // prompts * group texts. num_environments, spec_file and the evaluation_* fields have no meaning
  // here.
  TrainOptions run{};

  std::string model{};                 // folder of the model to start from
  std::string export_to{};             // the trained model's folder; empty: <out>/model
  std::string save_dtype = "f32";      // of it: f32, bf16 or f16
  std::size_t threads = 0;             // 0: the machine's; changes no bit of the result

  // Problems: a procedural task, or a file of JSON lines.
  std::string task = "chain-sum";
  std::size_t digits = 2;
  std::size_t length = 4;
  std::string data{};
  bool skip_broken_lines = false;
  std::size_t held_out = 100;          // problems never trained on, for evaluation
  std::string prompt_template = "{prompt}";
  bool chat = false;                   // through the model's chat template

  // Sampling.
  std::size_t prompts = 16;            // per round
  std::size_t group = 8;               // samples of a prompt
  std::size_t max_prompt_tokens = 256;
  std::size_t max_new_tokens = 64;
  double temperature = 1.0;
  std::size_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  std::string tool = "none";           // or calculator
  // With what local workers and evaluations sample: "kernels", ours on the CPU, or "device",
  // LibTorch on run.device, in worker threads only (make_device_generator).
  std::string sample_with = "kernels";

  // Mode async: versions of the weights that a token may be old when it is learned from.
  std::size_t max_staleness = 2;
  // With policy.drop_zero_variance: most rounds sampled for one update, until it has `prompts`
  // groups whose rewards differ (1: none is sampled anew).
  std::size_t max_resample = 10;

  // Rewards: VERIFIER[:WEIGHT[:ARGUMENT]]; none: the task's own.
  std::vector<std::string> rewards{};
  double reward_limit = 10.0;
  bool score_truncated = false;

  // The loss; filled from language_policy_preset(run.algorithm) first.
  LanguagePolicyOptions policy{};
  std::string baseline = "preset";     // the algorithm's own, or a name of Baseline
  std::string aggregation = "preset";  // likewise, of Aggregation
  std::string kl_estimator = "k3";     // k1, k2 or k3
  bool recompute_log_probs = false;    // even where the sampler's are exact

  // PPO: the model that learns the values of texts.
  LanguageCriticOptions critic{};
  std::string critic_model{};          // folder of the one to start from; empty: `model`
  double critic_learning_rate = 1e-5;

  // Optimisation.
  double learning_rate = 1e-6;
  std::string schedule = "constant";   // or cosine
  std::uint64_t warmup_rounds = 0;
  double weight_decay = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_gradient_norm = 1.0;      // 0: no clipping
  std::size_t micro_batch_tokens = 8192;  // most tokens in one pass through the model

  std::size_t lora_rank = 0;           // 0: all weights learn
  double lora_alpha = 16.0;
  std::vector<std::string> lora_targets{"q_proj", "v_proj"};
  bool activation_checkpointing = false;
  bool bf16 = false;                   // cuda only

  std::size_t evaluation_problems = 0; // of the held-out ones; 0: all
  std::size_t samples = 4;             // completions written to samples.jsonl at each evaluation
};

// Throws Error naming the option, what is allowed and what was given.
void validate(const LanguageTrainOptions& options);

}  // namespace rl
