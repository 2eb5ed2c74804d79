#include "learner/rollback.h"

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr std::uint64_t kMostRollbacks = 2;

}  // namespace

Checkpoint Rollback::next(std::uint64_t step, const std::string& why) {
  auto checkpoint = folder_.newest();
  if (!checkpoint || count_ >= kMostRollbacks) {
    throw Error({.where = "step " + std::to_string(step),
                 .what = why,
                 .expected = "a training that stays finite",
                 .got = checkpoint ? std::to_string(count_) + " returns to an earlier checkpoint"
                                   : "no checkpoint to go back to yet",
                 .remedy = "lower the learning rate, or look at what is learned from; "
                           "--resume goes on from the last checkpoint"});
  }
  ++count_;
  watch_.reset();
  log_("ALARM: " + why + "; the weights go back to those of checkpoint " +
       std::to_string(checkpoint->number));
  return std::move(*checkpoint);
}

}  // namespace rl
