// Deep Q-learning as the learner loop sees it; see docs/algorithms/dqn.md.
#pragma once

#include <memory>

#include "rl/learner/algorithm.h"

namespace rl {

// Gradient steps follow the environment steps: after s steps beyond learning_starts, in all
// floor(s x updates_per_train / train_every) have been taken, whatever the pieces experience
// arrived in. The target network is copied before the first gradient step at or after each
// multiple of target_update_every.
// Threads: one thread at a time.
class DqnAlgorithm final : public Algorithm {
 public:
  DqnAlgorithm(const TrainOptions& options, const EnvironmentSpec& environment);
  ~DqnAlgorithm() override;

  replay::TableOptions table_options() const override;
  std::size_t steps_per_round() const override;
  std::optional<UpdateReport> update(replay::Table& table,
                                     const TrainingProgress& progress) override;
  Bytes weights_image(const TrainingProgress& progress) const override;
  Bytes save_state() const override;
  void load_state(std::span<const std::byte> image) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl
