// Trainer: what keeps bad numbers out of the weights, and bad weights from leaving.
#include "learner/trainer.h"
#include "rl/core/error.h"
#include "rl/formats/finite.h"

namespace rl {
namespace {

constexpr std::uint64_t kMostRollbacks = 2;

}  // namespace

bool Trainer::is_believed(const transport::ReceivedFragment& received) {
  if (!log_prob_check_) return true;
  // Of an earlier round: no use to anybody, and its weights are gone.
  if (lockstep() && received.fragment->header().round != published_.version) return true;
  if (!liars_.contains(received.worker_id)) {
    const std::string lie = log_prob_check_->find_lie(*received.fragment);
    if (lie.empty()) return true;
    liars_.insert(received.worker_id);
    endpoint_->quarantine(received.worker_id, lie);
  }
  drop(LearnerDrop::lying);
  return false;
}

WeightSnapshot Trainer::finite_weights(std::uint64_t version) {
  auto image = std::make_shared<const Bytes>(algorithm_->weights_image(progress()));
  for (auto name = find_non_finite(*image, "weights"); !name.empty();
       name = find_non_finite(*image, "weights")) {
    roll_back(name + " is not finite");
    image = std::make_shared<const Bytes>(algorithm_->weights_image(progress()));
  }
  return {.run_id = published_.run_id, .version = version, .image = std::move(image)};
}

// The algorithm alone goes back. The experience that spoilt it is used up or, in a replay table,
// will be drawn in another mixture; the environments go on.
void Trainer::roll_back(const std::string& why) {
  const auto checkpoint = folder_.newest();
  if (!checkpoint || rollbacks_ >= kMostRollbacks) {
    throw Error({.where = "step " + std::to_string(steps_done()),
                 .what = why,
                 .expected = "a training that stays finite",
                 .got = checkpoint
                            ? std::to_string(rollbacks_) + " returns to an earlier checkpoint"
                            : "no checkpoint to go back to yet",
                 .remedy = "lower the learning rate, or look at the rewards and observations; "
                           "--resume goes on from the last checkpoint"});
  }
  ++rollbacks_;
  algorithm_->load_state(checkpoint->parts.at("algorithm.safetensors"));
  step_watch_.reset();
  updated_ = true;
  log("ALARM: " + why + "; the weights go back to those of checkpoint " +
      std::to_string(checkpoint->number));
}

}  // namespace rl
