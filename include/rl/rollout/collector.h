// Steps the environments of one slot and gives their fragments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "rl/core/fragment.h"
#include "rl/core/rng.h"
#include "rl/envs/registry.h"
#include "rl/policies/policy.h"
#include "rl/rollout/episode_recorder.h"
#include "rl/rollout/run_config.h"

namespace rl::rollout {

// A fragment depends on the run's seed, the environment's index, the weights of each step and what
// came before in that environment: not on the slot, the worker or the other environments.
// Episode seeds are episode_seed(seed, RngRole::environment, index, episode); actions are drawn
// from RngStream(seed, RngRole::action, index).
// Threads: one thread at a time.
class Collector {
 public:
  // Takes each finished fragment; false ends the collection.
  using Sink = std::function<bool(FragmentPtr)>;

  // Throws Error when the assignment does not fit the environments.
  Collector(const RunConfig& config, EnvironmentRange range, const EnvironmentFactory& factory,
            std::shared_ptr<const FragmentSchema> schema, const Assignment& assignment);

  // Makes `steps` steps in every environment with the policy's current weights. In a lockstep round
  // (round > 0) every environment's last fragment ends with the call and carries its continuation;
  // otherwise fragments stay open across calls. False when the sink ended it.
  bool collect(Policy& policy, std::size_t steps, std::uint64_t round, const Sink& sink);

  // Gives the open fragments as they are. False when the sink ended it.
  bool finish_open(const Sink& sink);

  std::uint64_t num_steps() const { return num_steps_; }  // made so far, over all environments

 private:
  struct Slot {
    std::uint64_t index;
    std::unique_ptr<Environment> environment;
    EpisodeRecorder recorder;
    RngStream action_stream;
  };

  void restore(Slot& slot, std::span<const std::byte> continuation);
  Bytes continuation_of(const Slot& slot) const;
  void open(Slot& slot, std::size_t capacity);
  void step(Slot& slot, std::uint64_t version);
  FragmentPtr finish(Slot& slot, std::uint64_t round, bool ends_round);

  RunConfig config_;
  std::shared_ptr<const FragmentSchema> schema_;
  std::vector<Slot> slots_;
  std::vector<ActRow> rows_;
  std::uint64_t num_steps_ = 0;
};

}  // namespace rl::rollout
