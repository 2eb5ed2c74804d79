// Reinforcement learning of language models: GRPO and its relatives.
#pragma once

#include <memory>

#include "rl/language/model_image.h"
#include "rl/learner/algorithm.h"
#include "rl/learner/language_train_options.h"

namespace rl {

class LanguageModel;
class ScalarModel;

// One update consumes the texts of a round. Formulas, presets and metrics:
// docs/algorithms/grpo.md; PPO's critic: docs/algorithms/ppo-language.md.
class LanguagePolicyAlgorithm final : public Algorithm {
 public:
  // Learns from `start`, which also is the reference of the KL term. Throws Error for options
  // outside their range or a model that is too short for the texts.
  LanguagePolicyAlgorithm(const LanguageTrainOptions& options, const language::ModelImage& start);
  ~LanguagePolicyAlgorithm() override;

  replay::TableOptions table_options() const override;
  // One text may be as long as this.
  std::size_t steps_per_round() const override;
  std::optional<UpdateReport> update(replay::Table& table,
                                     const TrainingProgress& progress) override;
  // As rl/language/model_image.h.
  Bytes weights_image(const TrainingProgress& progress) const override;
  // Refused by load_state when it began from another model.
  Bytes save_state() const override;
  void load_state(std::span<const std::byte> image) override;

  LanguageModel& model();
  const ScalarModel* critic() const;  // nullptr: the algorithm has none
  const std::string& start_digest() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl
