// Optimiser steps on the texts of a round.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "learner/language/text_columns.h"
#include "rl/algorithms/language_policy.h"
#include "rl/core/rng.h"
#include "rl/models/adam.h"

namespace rl {

struct PolicyOptimiserOptions {
  LanguagePolicyOptions policy{};
  double temperature = 1.0;
  std::size_t max_new_tokens = 0;       // of constant_length
  std::size_t micro_batch_tokens = 0;
};

struct PolicyOutcome {
  std::size_t gradient_steps = 0;
  std::size_t skipped_steps = 0;  // not finite
  std::size_t idle_steps = 0;     // nothing to learn: every advantage 0 and no KL term
  std::map<std::string, double> metrics{};
};

// Threads: the model's. The model and Adam must outlive it.
class PolicyOptimiser {
 public:
  PolicyOptimiser(PolicyOptimiserOptions options, LanguageModel& model, Adam& adam)
      : options_(std::move(options)), model_(model), adam_(adam) {}

  // epochs * minibatches steps. The loss of a step is the aggregation over its minibatch, however
  // that is cut into micro-batches (micro_batch_mean apart). `sampler_apart`: the old log-probs are
  // not the sampler's, and the loss corrects for it. `order` shuffles the texts between more than
  // one minibatch.
  PolicyOutcome run(std::vector<LearningText>& texts, double learning_rate, bool sampler_apart,
                    RngStream order);

 private:
  struct Sums;  // over tokens or steps, for the metrics
  struct Pass {
    bool learns = false;
    bool sampler_apart = false;
    bool unmoved = false;       // no step has been made yet
    std::size_t num_parts = 1;  // of the minibatch
  };
  // The loss of these texts; adds to the model's gradients when it learns.
  at::Tensor pass(const Texts& part, const WeightedTexts& weighted, const Pass& how, Sums& sums);
  void step(const Texts& minibatch, double learning_rate, bool sampler_apart, Sums& sums,
            PolicyOutcome& outcome);
  LanguagePolicyBatch batch_of(const Texts& texts, const WeightedTexts& weighted,
                               bool sampler_apart) const;

  PolicyOptimiserOptions options_;
  LanguageModel& model_;
  Adam& adam_;
};

}  // namespace rl
