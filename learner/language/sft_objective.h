// Supervised fine-tuning: make the completions of the data likely.
#pragma once

#include "learner/language/objective.h"
#include "learner/language/sft_data.h"
#include "rl/models/language_model.h"

namespace rl {

class SftObjective final : public Objective {
 public:
  SftObjective(const ObjectiveParts& parts, at::Device device);

  std::vector<std::string> describe_data() const override;
  std::vector<std::size_t> lengths() const override;
  std::map<std::string, std::string> identity() const override;
  Parameters& parameters() override { return model_.parameters(); }
  StepLoss compute_gradients(const language::ExampleBatch& batch,
                             std::size_t micro_batch_tokens) override;
  Evaluation evaluate() override;
  void save(const std::filesystem::path& run, FineTuneSummary& summary,
            const std::function<void(const std::string&)>& log) override;

 private:
  void measure_answers(const language::ModelWeights& weights, Evaluation& evaluation) const;

  ObjectiveParts parts_;
  SftData data_;
  LanguageModel model_;
};

}  // namespace rl
