// The epochs and minibatches of one PPO update.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "learner/updates/action_scorer.h"
#include "rl/algorithms/options.h"
#include "rl/algorithms/ppo.h"
#include "rl/core/rng.h"
#include "rl/models/actor_critic.h"
#include "rl/models/adam.h"

namespace rl {

// The N steps of an update on the model's device.
struct PpoSteps {
  at::Tensor observations;  // [N, inputs] normalised
  at::Tensor actions;       // i64 or f32 [N, elements]
  at::Tensor mask;          // bool [N, categories] or undefined
  PpoBatch batch;           // [N] each

  PpoSteps shuffled(const at::Tensor& order /* i64 [N] */) const;
  PpoSteps narrow(std::int64_t first, std::int64_t count) const;  // shares storage
};

struct PpoOutcome {
  std::size_t gradient_steps = 0;
  std::size_t skipped_steps = 0;
  std::map<std::string, double> metrics;  // docs/algorithms/ppo.md
};

// Threads: one thread at a time. Keeps references to the model and its optimizer.
class PpoOptimiser {
 public:
  PpoOptimiser(const PpoOptions& options, ActorCritic& model, Adam& adam, const ActionScorer& head)
      : options_(options), model_(model), adam_(adam), head_(head) {}

  // `shuffle` alone decides the minibatches.
  PpoOutcome run(const PpoSteps& steps, double learning_rate, RngStream shuffle);
  // Minibatches of one epoch: the batch split as evenly as possible into pieces near
  // minibatch_size.
  std::size_t num_minibatches(std::size_t num_steps) const;

 private:
  struct Pass {
    PpoLoss loss;
    at::Tensor log_prob_difference;  // [] greatest |log pi - log mu|
  };

  Pass compute_gradients(const PpoSteps& minibatch);

  PpoOptions options_;
  ActorCritic& model_;
  Adam& adam_;
  const ActionScorer& head_;
};

// 0 .. count-1 in random order (Fisher & Yates), i64 on the CPU.
at::Tensor random_order(std::size_t count, RngStream& stream);

}  // namespace rl
