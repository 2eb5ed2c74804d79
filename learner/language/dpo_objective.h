// Direct preference optimisation: the chosen completion gains likelihood on the rejected one.
#pragma once

#include "learner/language/pair_objective.h"
#include "rl/models/language_model.h"

namespace rl {

// The reference is the model that the run starts from. It is asked once, before the first step (a
// resumed run asks it again, with the same bits), and then not kept.
class DpoObjective final : public PairObjective {
 public:
  DpoObjective(const ObjectiveParts& parts, at::Device device);

  Parameters& parameters() override { return model_.parameters(); }
  void save(const std::filesystem::path& run, FineTuneSummary& summary,
            const std::function<void(const std::string&)>& log) override;

 private:
  PairLoss loss_of(std::span<const PairItem> pairs, double divisor) override;
  std::string samples() override;
  // Sums of the completions' log-probs, [2 P].
  at::Tensor log_probs(const PackedPairs& packed) const;
  void ask_reference(std::vector<PairItem>& pairs) const;

  DpoOptions loss_;
  LanguageModel model_;
};

}  // namespace rl
