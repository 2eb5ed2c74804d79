// A reward model: a scalar head learns to rank the chosen completion above the rejected one.
#pragma once

#include "learner/language/pair_objective.h"
#include "rl/models/scalar_model.h"

namespace rl {

// A completion's reward is the value of its last token, the one that ends it.
class RewardObjective final : public PairObjective {
 public:
  RewardObjective(const ObjectiveParts& parts, at::Device device);

  Parameters& parameters() override { return model_.parameters(); }
  void save(const std::filesystem::path& run, FineTuneSummary& summary,
            const std::function<void(const std::string&)>& log) override;

 private:
  PairLoss loss_of(std::span<const PairItem> pairs, double divisor) override;
  std::string samples() override;
  PairSides rewards(std::span<const PairItem> pairs) const;

  RewardModelOptions loss_;
  ScalarModel model_;
};

}  // namespace rl
