#include "rl/models/actor_critic.h"

#include <ATen/core/grad_mode.h>

namespace rl {
namespace {

constexpr const char* kPolicyPrefix = "policy.";
constexpr const char* kValuePrefix = "value.";
constexpr const char* kLogStd = "policy.log_std";
constexpr double kHeadGain = 0.01;
constexpr double kValueGain = 1.0;

TorchMlpOptions policy_options(const ActorCriticOptions& options) {
  return {.inputs = num_inputs(options.environment),
          .hidden = options.policy.hidden,
          .outputs = num_outputs(options.policy, options.environment),
          .activation = options.policy.activation};
}

TorchMlpOptions value_options(const ActorCriticOptions& options) {
  TorchMlpOptions result = policy_options(options);
  result.outputs = 1;
  return result;
}

std::int64_t action_elements(const EnvironmentSpec& environment) {
  std::int64_t elements = 0;
  for (const TensorSpec& action : environment.actions) {
    elements += static_cast<std::int64_t>(action.num_elements());
  }
  return elements;
}

std::vector<ParameterSpec> parameter_specs(const ActorCriticOptions& options) {
  std::vector<ParameterSpec> specs =
      TorchMlp::parameter_specs(kPolicyPrefix, policy_options(options));
  if (options.policy.head == PolicyHead::gaussian) {
    specs.push_back({kLogStd, {action_elements(options.environment)}});
  }
  for (ParameterSpec& spec : TorchMlp::parameter_specs(kValuePrefix, value_options(options))) {
    specs.push_back(std::move(spec));
  }
  return specs;
}

TorchMlpOptions q_options(const QNetworkOptions& options) {
  return {.inputs = num_inputs(options.environment),
          .hidden = options.policy.hidden,
          .outputs = num_outputs(options.policy, options.environment),
          .activation = options.policy.activation};
}

}  // namespace

ActorCritic::ActorCritic(const ActorCriticOptions& options, at::Device device)
    : parameters_(parameter_specs(options), device),
      policy_(parameters_, kPolicyPrefix, policy_options(options)),
      value_(parameters_, kValuePrefix, value_options(options)),
      has_log_std_(options.policy.head == PolicyHead::gaussian) {
  initialise_orthogonal(parameters_, kPolicyPrefix, policy_.num_layers(), kHeadGain, options.seed);
  initialise_orthogonal(parameters_, kValuePrefix, value_.num_layers(), kValueGain, options.seed);
  const at::NoGradGuard no_gradients;
  if (has_log_std_) log_std().fill_(options.initial_log_std);
  if (options.policy.head == PolicyHead::squashed_gaussian) {
    const std::int64_t elements = action_elements(options.environment);
    const std::string bias = kPolicyPrefix + std::to_string(policy_.num_layers() - 1) + ".bias";
    parameters_.value(parameters_.index(bias))
        .narrow(0, elements, elements)
        .fill_(options.initial_log_std);
  }
}

const at::Tensor& ActorCritic::log_std() const {
  return parameters_.value(parameters_.index(kLogStd));
}

const at::Tensor& ActorCritic::log_std_gradient() const {
  return parameters_.gradient(parameters_.index(kLogStd));
}

QNetwork::QNetwork(const QNetworkOptions& options, at::Device device)
    : parameters_(TorchMlp::parameter_specs(kPolicyPrefix, q_options(options)), device),
      target_parameters_(TorchMlp::parameter_specs(kPolicyPrefix, q_options(options)), device),
      online_(parameters_, kPolicyPrefix, q_options(options)),
      target_(target_parameters_, kPolicyPrefix, q_options(options)) {
  initialise_uniform(parameters_, kPolicyPrefix, online_.num_layers(), options.seed);
  synchronise_target();
}

void QNetwork::synchronise_target() { set_target(parameters_.values()); }

void QNetwork::set_target(const at::Tensor& flat) {
  const at::NoGradGuard no_gradients;
  target_parameters_.values().copy_(flat);
}

}  // namespace rl
