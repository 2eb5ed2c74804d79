// What a worker makes experience with: the environments of a slot, or the texts of its places.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rl/core/fragment.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/rollout/run_config.h"
#include "rl/rollout/worker.h"

namespace rl::rollout {

// Threads: one thread at a time.
class ExperienceSource {
 public:
  using Sink = std::function<bool(FragmentPtr)>;  // false ends the collection
  using Tick = std::function<bool()>;             // keeps the connection alive; false likewise

  virtual ~ExperienceSource() = default;
  virtual const std::shared_ptr<const FragmentSchema>& schema() const = 0;
  virtual void load(const WeightSnapshot& snapshot) = 0;
  // In lockstep the round of this number, otherwise (round 0) a few steps. False: ended early.
  virtual bool collect(std::uint64_t round, const Sink& sink, const Tick& tick) = 0;
  // Whether nothing can be done before newer weights come.
  virtual bool needs_weights() const = 0;
  // At the end of a connection: gives what is open, or says what there is to say.
  virtual void finish(const Sink& sink) = 0;
  virtual std::uint64_t num_steps() const = 0;
};

std::unique_ptr<ExperienceSource> make_environment_source(const RunConfig& config,
                                                          EnvironmentRange range,
                                                          const EnvironmentRegistry& registry,
                                                          const Assignment& assignment);
std::unique_ptr<ExperienceSource> make_text_source(
    const RunConfig& config, EnvironmentRange range, const WorkerRunOptions& options,
    const std::function<void(const std::string&)>& log);

}  // namespace rl::rollout
