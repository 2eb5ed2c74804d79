// PPO as the learner loop sees it; see docs/algorithms/ppo.md.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "learner/updates/fragment_batch.h"
#include "rl/learner/algorithm.h"

namespace rl {

// The order of one update, which fixes its result:
//   1. draw fragments for rollout_steps x num_environments steps; drop those too old; sort by
//      (environment, sequence), so that the order of arrival never matters;
//   2. normalise observations with the statistics that were published with the acting weights;
//   3. fold rewards into the return statistics, then scale them;
//   4. values of all rows in one pass, GAE per fragment;
//   5. epochs of shuffled minibatches;
//   6. fold the raw observations into the statistics that go out with the new weights.
// A batch holding a non-finite number changes nothing but the counters.
// Threads: one thread at a time.
class PpoAlgorithm final : public Algorithm {
 public:
  PpoAlgorithm(const TrainOptions& options, const EnvironmentSpec& environment);
  ~PpoAlgorithm() override;

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
