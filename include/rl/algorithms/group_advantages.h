// Advantages of sampled completions, from their scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/algorithms/language_options.h"

namespace rl {

// Completions of a batch; samples of one prompt share a group.
struct ScoredCompletions {
  std::span<const double> scores;        // [B]
  std::span<const std::uint64_t> groups; // [B]
  std::span<const std::uint8_t> scored;  // [B] 0: no score; out of every mean, advantage 0
};

// One advantage per completion, the same for all its tokens. Deviations are with n - 1. A group
// with one scored member has mean 0 and deviation 1 (leave_one_out: no baseline), as in verl.
// Not for Baseline::whitened and critic. Throws Error when lengths differ.
// Threads: pure functions.
std::vector<double> completion_advantages(const LanguagePolicyOptions& options,
                                          const ScoredCompletions& completions);

// Groups whose scored members all have the same score: nothing to learn from.
std::vector<std::uint64_t> zero_variance_groups(const ScoredCompletions& completions);

// REINFORCE++: A_t = sum over t' >= t of rewards_t' (KL already inside), per sequence, then whitened
// over the tokens of all sequences: (A - mean) / sqrt(variance + 1e-8), variance with n - 1.
// `rewards` of sequence i are the next lengths[i] values.
std::vector<double> whitened_rewards_to_go(std::span<const double> rewards,
                                           std::span<const std::size_t> lengths);

// DAPO's soft punishment of length: 0 up to max_length - buffer tokens, -1 at max_length, linear
// between. 0 when buffer is 0.
double overlong_penalty(std::size_t length, std::size_t max_length, std::size_t buffer);

// What each token's loss is multiplied with so that the sum over all micro-batches, however the
// batch is cut, is the aggregation over the whole batch. `lengths`: learning tokens per sequence of
// the whole batch; sequences without any count nowhere, except in constant_length's number.
// micro_batch_mean: `lengths` are those of one micro-batch, and the sum of its tokens' losses is
// divided by the number of micro-batches besides.
std::vector<double> token_weights(Aggregation aggregation, std::span<const std::size_t> lengths,
                                  std::size_t max_length);

}  // namespace rl
