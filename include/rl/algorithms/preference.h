// The losses that learn from pairs of completions, one preferred over the other: reward models and
// direct preference optimisation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace rl {

struct PairLoss {
  at::Tensor total;  // [] sum over the pairs / divisor: what is minimised
  // Sums over the pairs, without gradient: those of micro-batches add up to the batch's.
  at::Tensor correct;          // [] pairs whose chosen reward is the higher one
  at::Tensor margin;           // [] chosen - rejected reward
  at::Tensor chosen_reward;    // []
  at::Tensor rejected_reward;  // []
};

struct RewardModelOptions {
  double center_coefficient = 0.0;  // keeps the rewards of a pair around 0 (Eisenstein et al. 2023)
};

struct RewardPairs {
  at::Tensor chosen, rejected;  // [P] rewards of whole completions, differentiable
  at::Tensor margins{};         // [P] by how much the chosen one should win; undefined: 0
};

// Bradley-Terry (Ouyang et al. 2022, eq. 1), with d = r_c - r_r:
//   l = -log sigmoid(d - margin) + center_coefficient (r_c + r_r)^2
// The divisor is the pairs of the whole batch, so that micro-batches add up to its mean.
// Throws Error when lengths differ. Threads: pure functions, as all here.
PairLoss reward_model_loss(const RewardModelOptions& options, const RewardPairs& pairs,
                           double divisor);

enum class DpoForm : std::uint8_t {
  sigmoid,  // Rafailov et al. 2023, eq. 7; with label smoothing cDPO (Mitchell 2023)
  ipo,      // Azar et al. 2023, eq. 17
};

struct DpoOptions {
  DpoForm form = DpoForm::sigmoid;
  double beta = 0.1;             // above 0: how dear leaving the reference is
  double label_smoothing = 0.0;  // from 0 to below 0.5: share of pairs the wrong way round; sigmoid
};

struct LogProbPairs {
  at::Tensor chosen, rejected;                      // [P] sums over the completion, differentiable
  at::Tensor reference_chosen, reference_rejected;  // [P] of the reference model; constants
  at::Tensor chosen_tokens{}, rejected_tokens{};    // [P] of the completions; read by ipo alone
};

// With the rewards r = beta (log p - log p_ref) and d = r_c - r_r:
//   sigmoid  l = -(1 - e) log sigmoid(d) - e log sigmoid(-d),  e = label_smoothing
//   ipo      l = (d / beta - 1 / (2 beta))^2, with log-probs per token instead of sums
// At the first step the policy is the reference: d = 0, the loss log 2 (ipo: 1 / (2 beta)^2).
PairLoss dpo_loss(const DpoOptions& options, const LogProbPairs& pairs, double divisor);

}  // namespace rl
