// Trainer: what it saves, and when.
#include "learner/trainer.h"
#include "rl/formats/digest.h"

namespace rl {

Checkpoint Trainer::make_checkpoint() {
  auto [weights, state] = until_finite(
      [&] { return std::array{algorithm_->weights_image(progress()), algorithm_->save_state()}; },
      [&](const std::string& why) { roll_back(why); });
  RunState saved = state_;
  saved.wall_seconds = elapsed_seconds();
  // Those of unfinished rounds are made again by whoever goes on from here.
  saved.fragments_received -= assembler_.num_held();
  return {.number = steps_done(),
          .parts = {{"weights.safetensors", weights},
                    {"algorithm.safetensors", std::move(state)},
                    {"replay.bin", table_.save_state()},
                    {"environments.bin", assembler_.save_state()},
                    {"evaluation.bin", evaluator_ ? evaluator_->save_state() : Bytes{}},
                    {"run.bin", to_bytes(saved)}},
          .facts = facts({{"environment_steps", std::to_string(state_.environment_steps)},
                          {"weight_version", std::to_string(state_.weight_version)},
                          {"weights_digest", to_hex(digest(weights))}})};
}

void Trainer::checkpoint_if_due() {
  if (options_.checkpoint_every <= 0.0) return;
  const std::chrono::duration<double> since = steady_clock().now() - last_checkpoint_;
  if (since.count() < options_.checkpoint_every) return;
  if (folder_.try_save(make_checkpoint())) checkpointed_steps_ = steps_done();
  last_checkpoint_ = steady_clock().now();
}

void Trainer::save_last() {
  const bool saved = steps_done() <= checkpointed_steps_ && !folder_.is_empty();
  if (saved && !folder_.has_unsaved_best()) return;
  folder_.save_last(make_checkpoint(), checkpointed_steps_);
}

}  // namespace rl
