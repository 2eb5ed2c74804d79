// Trainer: what it saves, and when.
#include "learner/trainer.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/formats/finite.h"

namespace rl {

Checkpoint Trainer::make_checkpoint() {
  auto weights = finite_weights(state_.weight_version + 1).image;
  Bytes state = algorithm_->save_state();
  for (auto name = find_non_finite(state, "state"); !name.empty();
       name = find_non_finite(state, "state")) {
    roll_back(name + " is not finite");
    weights = finite_weights(state_.weight_version + 1).image;
    state = algorithm_->save_state();
  }
  RunState saved = state_;
  saved.wall_seconds = elapsed_seconds();
  // Those of unfinished rounds are made again by whoever goes on from here.
  saved.fragments_received -= assembler_.num_held();
  return {.number = steps_done(),
          .parts = {{"weights.safetensors", *weights},
                    {"algorithm.safetensors", std::move(state)},
                    {"replay.bin", table_.save_state()},
                    {"environments.bin", assembler_.save_state()},
                    {"evaluation.bin", evaluator_ ? evaluator_->save_state() : Bytes{}},
                    {"run.bin", to_bytes(saved)}},
          .facts = facts({{"environment_steps", std::to_string(state_.environment_steps)},
                          {"weight_version", std::to_string(state_.weight_version)},
                          {"weights_digest", to_hex(digest(*weights))}})};
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
  const Checkpoint last = make_checkpoint();
  try {
    folder_.save(last);
  } catch (const Error& error) {
    throw Error({.where = folder_.path().string(),
                 .what = "the end of the run could not be saved: " + std::string(error.what()),
                 .got = "the last whole checkpoint is of step " +
                        std::to_string(checkpointed_steps_),
                 .remedy = "go on from there with --resume once the disk is well"});
  }
}

}  // namespace rl
