// Trainer: what keeps bad numbers out of the weights, and bad weights from leaving.
#include "learner/trainer.h"

namespace rl {

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
  auto [image] = until_finite([&] { return std::array{algorithm_->weights_image(progress())}; },
                              [&](const std::string& why) { roll_back(why); });
  return {.run_id = published_.run_id,
          .version = version,
          .image = std::make_shared<const Bytes>(std::move(image))};
}

// The algorithm alone goes back. The experience that spoilt it is used up or, in a replay table,
// will be drawn in another mixture; the environments go on.
void Trainer::roll_back(const std::string& why) {
  const Checkpoint checkpoint = rollback_.next(steps_done(), why);
  algorithm_->load_state(checkpoint.parts.at("algorithm.safetensors"));
  updated_ = true;
}

}  // namespace rl
