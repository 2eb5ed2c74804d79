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
  PpoSteps narrow(std::size_t first, std::size_t count) const;  // shares storage
};

struct PpoOutcome {
  std::size_t gradient_steps = 0;
  std::size_t skipped_steps = 0;
  std::map<std::string, double> metrics;  // docs/algorithms/ppo.md
};

// Threads: one thread at a time. Keeps references to the model and its optimizer.
class PpoOptimiser {
 public:
  PpoOptimiser(const PpoOptions& options, ActorCritic& model, Adam& adam,
               const ActionScorer& scorer)
      : options_(options), model_(model), adam_(adam), scorer_(scorer) {}

  // `shuffle` alone decides the minibatches.
  PpoOutcome run(const PpoSteps& steps, double learning_rate, RngStream shuffle);
  // Minibatches of one epoch: the batch split as evenly as possible into pieces near
  // minibatch_size.
  std::size_t num_minibatches(std::size_t num_steps) const;

 private:
  // What the minibatches of an update added up.
  struct Tally {
    std::size_t num_passes = 0;
    std::size_t applied = 0;
    std::size_t skipped = 0;
    bool stopped = false;              // by target_kl
    double gradient_norm = 0.0;        // sum over the applied
    double log_prob_difference = 0.0;  // greatest |log pi - log mu| of the first pass
    std::vector<at::Tensor> losses;    // parts of each applied step's loss
  };

  PpoLoss compute_gradients(const PpoSteps& minibatch, Tally& tally);
  bool step(const PpoSteps& minibatch, double learning_rate, Tally& tally);  // false: stop
  PpoOutcome outcome(const Tally& tally) const;

  PpoOptions options_;
  ActorCritic& model_;
  Adam& adam_;
  const ActionScorer& scorer_;
};

// 0 .. count-1 in random order (Fisher & Yates), i64 on the CPU.
at::Tensor random_order(std::size_t count, RngStream& stream);

}  // namespace rl
