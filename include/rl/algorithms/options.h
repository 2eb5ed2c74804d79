// Settings of the algorithms: plain structs, every default and unit on the field. No Torch here, so
// that programs below the Torch line can read, print and check them.
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rl {

// The networks of an algorithm: separate perceptrons of this shape for policy and value.
struct NetworkOptions {
  std::vector<std::int64_t> hidden{64, 64};
  std::string activation = "tanh";  // tanh or relu
};

// Proximal policy optimisation (Schulman et al. 2017). Defaults for classic control.
struct PpoOptions {
  NetworkOptions network{};
  std::size_t rollout_steps = 128;      // T: steps per environment and update
  std::size_t epochs = 4;               // passes over the batch
  std::size_t minibatch_size = 256;     // steps
  double learning_rate = 2.5e-4;        // Adam
  bool anneal_learning_rate = true;     // linearly to 0 at the end of the run
  double adam_epsilon = 1e-5;
  double discount = 0.99;
  double gae_lambda = 0.95;
  double clip = 0.2;                    // ratio clip
  double value_clip = 0.0;              // 0: value loss unclipped
  double value_coefficient = 0.5;
  double entropy_coefficient = 0.01;
  double max_gradient_norm = 0.5;
  double target_kl = 0.0;               // stop the epochs above 1.5 x this; 0: never
  bool normalise_advantages = true;     // per minibatch
  bool normalise_observations = false;  // running mean and variance, clipped to +-10
  bool normalise_rewards = false;       // by the running deviation of the discounted return, +-10
  double initial_log_std = 0.0;         // gaussian head
  bool squash_actions = false;          // continuous actions: tanh-squashed gaussian
  std::uint64_t max_staleness = 4;      // async: weight versions a fragment may be behind
};

// Deep Q-learning (Mnih et al. 2015) with double targets (van Hasselt et al. 2016), n-step returns
// and prioritised replay (Schaul et al. 2016).
struct DqnOptions {
  NetworkOptions network{.hidden = {256, 256}, .activation = "relu"};
  std::size_t train_every = 16;         // environment steps (all environments) between updates
  std::size_t updates_per_train = 8;    // gradient steps each time
  std::size_t batch_size = 128;         // transitions
  std::size_t replay_capacity = 100000; // steps
  std::size_t learning_starts = 1000;   // environment steps before the first update
  double learning_rate = 1e-3;          // Adam
  bool anneal_learning_rate = false;    // linearly to 0 at the end of the run
  double discount = 0.99;
  std::size_t n_step = 1;
  bool double_q = true;
  bool prioritised = false;
  double priority_exponent = 0.6;       // alpha
  double importance_exponent = 0.4;     // beta at the start, rising linearly to 1
  std::size_t target_update_every = 500;  // environment steps between target copies
  double max_gradient_norm = 10.0;
  double epsilon_start = 1.0;
  double epsilon_end = 0.05;
  double epsilon_fraction = 0.2;        // share of the run's environment steps to reach the end
};

// Throw Error naming the field and the allowed range.
void validate(const NetworkOptions& options);
void validate(const PpoOptions& options);
void validate(const DqnOptions& options);

}  // namespace rl
