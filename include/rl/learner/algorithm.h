// What the learner loop asks of a training algorithm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/spec.h"
#include "rl/learner/train_options.h"
#include "rl/replay/table.h"

namespace rl {

// Where the run stands when an update is asked for. Runs on texts count rounds for steps.
struct TrainingProgress {
  std::uint64_t environment_steps = 0;
  std::uint64_t total_steps = 0;
  std::uint64_t weight_version = 0;  // of the weights being updated
};

// What one call of update() did.
struct UpdateReport {
  std::size_t gradient_steps = 0;
  std::size_t skipped_steps = 0;     // non-finite loss or gradient: the whole step left no trace
  std::size_t steps_consumed = 0;    // environment steps drawn from the table
  std::size_t fragments_stale = 0;   // dropped for being too many versions behind
  // Texts of groups that were sampled anew: their rewards were all equal, or there were enough.
  std::size_t fragments_zero_variance = 0;
  std::size_t fragments_surplus = 0;
  bool needs_more = false;           // nothing was learned: what was drawn waits in the table
  std::map<std::string, double> metrics;  // names explained in docs/algorithms/<name>.md
};

// Holds the model, its optimizer and its normalisers; draws from the table it described. Knows
// nothing of sockets, workers or files, and nothing in the interface assumes automatic
// differentiation.
// Threads: one thread at a time.
class Algorithm {
 public:
  virtual ~Algorithm() = default;

  virtual replay::TableOptions table_options() const = 0;
  // Steps every environment makes per lockstep round.
  virtual std::size_t steps_per_round() const = 0;

  // Consumes what is ready. nullopt when the table holds too little for an update: nothing changed.
  // With the same table contents, options and earlier calls the result has the same bytes.
  virtual std::optional<UpdateReport> update(replay::Table& table,
                                             const TrainingProgress& progress) = 0;

  // Safetensors image of what workers act with: policy and normalisers (policies/policy_spec.h), or
  // a language model (language/model_image.h), plus whatever else the algorithm wants served.
  virtual Bytes weights_image(const TrainingProgress& progress) const = 0;

  // Everything that decides future updates (weights, optimizer, normalisers, counters), as a
  // safetensors image. load_state throws Error naming the tensor and changes nothing when the image
  // does not fit.
  virtual Bytes save_state() const = 0;
  virtual void load_state(std::span<const std::byte> image) = 0;
};

// Explicit table of names; throws Error listing near names when unknown.
std::unique_ptr<Algorithm> make_algorithm(const TrainOptions& options, const EnvironmentSpec& spec);

}  // namespace rl
