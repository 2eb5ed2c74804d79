// What learning from pairs has in common, whatever a completion's reward is.
#pragma once

#include <span>
#include <vector>

#include "learner/language/objective.h"
#include "learner/language/packed_pairs.h"
#include "learner/language/pair_data.h"
#include "rl/algorithms/preference.h"

namespace rl {

class PairObjective : public Objective {
 public:
  std::vector<std::string> describe_data() const override;
  std::vector<std::size_t> lengths() const override;
  std::map<std::string, std::string> identity() const override;
  StepLoss compute_gradients(const language::ExampleBatch& batch,
                             std::size_t micro_batch_tokens) override;
  Evaluation evaluate() override;

 protected:
  explicit PairObjective(const ObjectiveParts& parts);

  // Of pairs that go through the model at once.
  virtual PairLoss loss_of(std::span<const PairItem> pairs, double divisor) = 0;
  // JSON lines for people to read.
  virtual std::string samples() = 0;

  const ObjectiveParts& parts() const { return parts_; }
  std::vector<PairItem>& training() { return training_; }
  std::vector<PairItem>& validation() { return validation_; }
  // The held-out pairs, or those learned from when there are none.
  std::span<const PairItem> shown() const;

 private:
  ObjectiveParts parts_;
  PairData data_;
  std::vector<PairItem> training_, validation_;
};

}  // namespace rl
