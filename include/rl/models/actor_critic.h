// Policy and value networks of an actor-critic algorithm, and the network of Q-learning.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "rl/core/spec.h"
#include "rl/models/mlp.h"
#include "rl/models/parameters.h"
#include "rl/policies/policy_spec.h"

namespace rl {

struct ActorCriticOptions {
  PolicySpec policy;
  EnvironmentSpec environment;
  double initial_log_std = 0.0;  // gaussian head: the log_std weight; squashed: bias of log_std
  std::uint64_t seed = 0;
};

// Two separate perceptrons of the policy's shape, `policy.` to the head's outputs and `value.` to
// one number; `policy.log_std` [elements] for the gaussian head. Orthogonal initialisation: gain
// sqrt(2) in hidden layers, 0.01 at the head, 1 at the value, zero biases.
// Threads: one thread at a time. Not movable: the networks view the parameters.
class ActorCritic {
 public:
  ActorCritic(const ActorCriticOptions& options, at::Device device);
  ActorCritic(const ActorCritic&) = delete;
  ActorCritic& operator=(const ActorCritic&) = delete;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const TorchMlp& policy() const { return policy_; }
  const TorchMlp& value() const { return value_; }
  bool has_log_std() const { return has_log_std_; }
  const at::Tensor& log_std() const;           // [elements]; only when has_log_std()
  const at::Tensor& log_std_gradient() const;  // the same

 private:
  Parameters parameters_;
  TorchMlp policy_;
  TorchMlp value_;
  bool has_log_std_;
};

struct QNetworkOptions {
  PolicySpec policy;  // head q_values
  EnvironmentSpec environment;
  std::uint64_t seed = 0;
};

// One perceptron `policy.` from observation to a value per action, and its target copy.
// Threads: one thread at a time. Not movable: the networks view the parameters.
class QNetwork {
 public:
  QNetwork(const QNetworkOptions& options, at::Device device);
  QNetwork(const QNetwork&) = delete;
  QNetwork& operator=(const QNetwork&) = delete;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const Parameters& target_parameters() const { return target_parameters_; }
  const TorchMlp& online() const { return online_; }
  const TorchMlp& target() const { return target_; }
  void synchronise_target();                     // target := online
  void set_target(const at::Tensor& flat);       // laid out like parameters().values()

 private:
  Parameters parameters_;
  Parameters target_parameters_;
  TorchMlp online_;
  TorchMlp target_;
};

}  // namespace rl
