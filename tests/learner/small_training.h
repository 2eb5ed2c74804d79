// Options of trainings that take about a second.
#pragma once

#include <filesystem>

#include "rl/learner/train_options.h"

namespace rl::tests {

// No evaluation, no checkpoint but the last.
inline TrainOptions small_training(const std::filesystem::path& out = {}) {
  TrainOptions options;
  options.out = out.string();
  options.evaluate_every = 0;
  options.evaluation_episodes = 1;
  options.checkpoint_every = 0;
  options.ppo.rollout_steps = 32;
  options.ppo.minibatch_size = 64;
  options.dqn.network.hidden = {16};
  options.dqn.learning_starts = 256;
  options.dqn.train_every = 64;
  options.dqn.batch_size = 32;
  options.dqn.target_update_every = 128;
  return options;
}

// With workers in threads of this process.
inline TrainOptions small_threaded_training(const std::filesystem::path& out = {},
                                            std::size_t workers = 1) {
  TrainOptions options = small_training(out);
  options.worker_mode = "thread";
  options.endpoint = "inproc";
  options.num_workers = workers;
  return options;
}

}  // namespace rl::tests
