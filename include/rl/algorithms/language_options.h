// Settings of the policy-gradient algorithms for language models: one loss, many switches. No Torch
// here, so that programs below the Torch line can read, print and check them.
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rl {

// Where a completion's advantage comes from.
enum class Baseline : std::uint8_t {
  group_std,     // (R - mean of the group) / (deviation of the group + epsilon): GRPO
  group_mean,    // R - mean of the group: Dr. GRPO (Liu et al. 2025)
  batch_std,     // (R - mean of the group) / (deviation of the batch + epsilon): Lite-PPO
  leave_one_out, // R - mean of the others in the group: RLOO (Ahmadian et al. 2024)
  whitened,      // REINFORCE++ (Hu 2025): rewards to go with KL inside, whitened over all tokens
  critic,        // GAE over tokens with the values of a second model: PPO (Schulman et al. 2017)
};

// What becomes of the ratio between the policy and the one that sampled.
enum class RatioForm : std::uint8_t {
  token_clip,     // min(r A, clip(r) A) per token: PPO, GRPO
  sequence_clip,  // the sequence's geometric mean ratio: GSPO (Zheng et al. 2025)
  truncated,      // -sg(min(r, cap)) A log p: CISPO (MiniMax 2025)
};

// How the losses of tokens become one number.
enum class Aggregation : std::uint8_t {
  sequence_mean,   // mean over sequences of their token means: GRPO
  token_mean,      // sum over tokens of the whole batch / their number: DAPO
  constant_length, // sum / (sequences x longest possible completion): Dr. GRPO
  micro_batch_mean, // mean over micro-batches of their token means (TRL's bnpo): depends on the cut
};

enum class KlEstimator : std::uint8_t { k1, k2, k3 };  // Schulman 2020

struct LanguagePolicyOptions {
  Baseline baseline = Baseline::group_std;
  RatioForm ratio = RatioForm::token_clip;
  Aggregation aggregation = Aggregation::token_mean;
  double std_epsilon = 1e-4;
  double clip_low = 0.2;             // ratio at least 1 - clip_low
  double clip_high = 0.2;            // ratio at most 1 + clip_high; DAPO: 0.28
  double dual_clip = 0.0;            // A < 0: loss at most dual_clip |A| (Ye et al. 2020); 0: off
  double truncation_cap = 5.0;       // CISPO's cap of the ratio
  double importance_cap = 2.0;       // truncated importance sampling, sampler to learner; 0: off
  double kl_coefficient = 0.0;       // against the reference model
  KlEstimator kl_estimator = KlEstimator::k3;
  bool kl_in_reward = false;         // k1 taken from the reward instead of added to the loss
  std::size_t epochs = 1;            // mu: updates per batch of completions
  std::size_t minibatches = 1;       // optimizer steps per epoch
  bool mask_truncated = false;       // a completion cut by its length teaches nothing
  std::size_t overlong_buffer = 0;   // tokens before the limit over which 0 falls to -1 (DAPO)
  bool drop_zero_variance = false;   // groups whose rewards are all equal are sampled anew (DAPO)
};

// Of Baseline::critic: what the second model's values make of rewards.
struct LanguageCriticOptions {
  double discount = 1.0;
  double lambda = 0.95;           // of the policy's advantages
  double value_lambda = 0.95;     // of the critic's targets; 1: plain returns (VC-PPO)
  double value_clip = 0.2;        // how far a value may move per round; 0: any
  bool whiten_advantages = true;  // over all tokens of the round
  bool whiten_rewards = false;    // the same, but their mean stays
  double missing_stop_penalty = 0.0;  // taken from texts that their length ended
  std::uint64_t warmup_rounds = 0;    // the critic alone learns (VC-PPO, Yuan et al. 2025)
};

// The settings that a name stands for: grpo, dr-grpo, dapo, rloo, reinforce++, gspo, cispo, ppo.
// Throws Error listing near names.
LanguagePolicyOptions language_policy_preset(const std::string& name);

// Throws Error naming the field and the allowed range.
void validate(const LanguagePolicyOptions& options);
void validate(const LanguageCriticOptions& options);

// By the names above with hyphens, e.g. "group-std"; what differs throws Error listing them.
Baseline baseline_from(const std::string& name);
Aggregation aggregation_from(const std::string& name);

}  // namespace rl
