#include "learner/updates/dqn_algorithm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <string>

#include "learner/updates/device.h"
#include "learner/updates/transition_tensors.h"
#include "rl/core/error.h"
#include "rl/models/actor_critic.h"
#include "rl/models/adam.h"

namespace rl {
namespace {

constexpr double kAdamEpsilon = 1e-8;
constexpr double kLeastPriority = 1e-6;  // keeps every transition reachable (Schaul et al. 2016)

PolicySpec make_policy_spec(const DqnOptions& options) {
  PolicySpec policy;
  policy.head = PolicyHead::q_values;
  policy.hidden = options.network.hidden;
  policy.activation =
      options.network.activation == "relu" ? Activation::relu : Activation::tanh;
  return policy;
}

void require_one_discrete_action(const EnvironmentSpec& environment) {
  validate(environment);
  const TensorSpec& action = environment.actions.front();
  if (environment.actions.size() == 1 && action.is_discrete() && action.num_elements() == 1) {
    return;
  }
  throw Error({.where = "dqn on " + environment.name,
               .what = "the action does not fit deep Q-learning",
               .expected = "one discrete action",
               .got = describe(action),
               .remedy = "use --algo ppo"});
}

double share_of_run(const TrainingProgress& progress) {
  if (progress.total_steps == 0) return 0.0;
  return std::min(1.0, static_cast<double>(progress.environment_steps) /
                           static_cast<double>(progress.total_steps));
}

// Means over the gradient steps of an update.
struct Sums {
  double loss = 0.0;
  double chosen = 0.0;
  double td_error = 0.0;
  double gradient_norm = 0.0;
};

}  // namespace

struct DqnAlgorithm::Impl {
  Impl(const TrainOptions& train, const EnvironmentSpec& spec);

  std::uint64_t gradient_steps_owed(std::uint64_t environment_steps) const;
  double epsilon(const TrainingProgress& progress) const;
  double beta(const TrainingProgress& progress) const;
  double learning_rate(const TrainingProgress& progress) const;
  void synchronise_target_if_due(std::uint64_t environment_steps);
  bool train_once(replay::Table& table, const TrainingProgress& progress, Sums& sums);
  DqnLoss compute_gradients(const TransitionTensors& transitions);
  void update_priorities(replay::Table& table, std::span<const replay::Item> items,
                         const at::Tensor& td_errors) const;

  DqnOptions options;
  EnvironmentSpec environment;
  std::size_t num_environments;
  PolicySpec policy;
  at::Device device;
  QNetwork model;
  Adam adam;
  std::uint64_t num_updates = 0;    // gradient steps taken or skipped
  std::uint64_t target_period = 0;  // environment_steps / target_update_every at the last copy
};

DqnAlgorithm::Impl::Impl(const TrainOptions& train, const EnvironmentSpec& spec)
    : options(train.dqn),
      environment(spec),
      num_environments(train.num_environments),
      policy(make_policy_spec(train.dqn)),
      device(open_device(train.device)),
      model({policy, spec, train.seed}, device),
      adam(model.parameters(), {.epsilon = kAdamEpsilon,
                                .max_gradient_norm = train.dqn.max_gradient_norm}) {}

std::uint64_t DqnAlgorithm::Impl::gradient_steps_owed(std::uint64_t environment_steps) const {
  if (environment_steps <= options.learning_starts) return 0;
  const std::uint64_t total = (environment_steps - options.learning_starts) *
                              options.updates_per_train / options.train_every;
  return total - std::min(total, num_updates);
}

double DqnAlgorithm::Impl::epsilon(const TrainingProgress& progress) const {
  const double reached = options.epsilon_fraction > 0.0
                             ? std::min(1.0, share_of_run(progress) / options.epsilon_fraction)
                             : 1.0;
  return options.epsilon_start + reached * (options.epsilon_end - options.epsilon_start);
}

double DqnAlgorithm::Impl::beta(const TrainingProgress& progress) const {
  return options.importance_exponent +
         share_of_run(progress) * (1.0 - options.importance_exponent);
}

double DqnAlgorithm::Impl::learning_rate(const TrainingProgress& progress) const {
  const double left = options.anneal_learning_rate ? 1.0 - share_of_run(progress) : 1.0;
  return options.learning_rate * left;
}

void DqnAlgorithm::Impl::synchronise_target_if_due(std::uint64_t environment_steps) {
  const std::uint64_t period = environment_steps / options.target_update_every;
  if (period == target_period) return;
  target_period = period;
  model.synchronise_target();
}

DqnLoss DqnAlgorithm::Impl::compute_gradients(const TransitionTensors& transitions) {
  const at::Tensor next = model.target().forward(transitions.next_observations);
  const at::Tensor selector =
      options.double_q ? model.online().forward(transitions.next_observations) : next;
  const at::Tensor targets = dqn_targets(transitions.batch, next, selector, transitions.next_mask);
  TorchMlpTape tape;
  const at::Tensor values =
      model.online().forward(transitions.observations, tape).requires_grad_();
  const DqnLoss loss = dqn_loss(transitions.batch, values, targets);
  loss.total.backward();
  model.online().backward(tape, values.grad());
  return loss;
}

void DqnAlgorithm::Impl::update_priorities(replay::Table& table,
                                           std::span<const replay::Item> items,
                                           const at::Tensor& td_errors) const {
  const at::Tensor errors = td_errors.abs().to(at::kCPU).to(at::kDouble).contiguous();
  std::vector<std::uint64_t> keys;
  std::vector<double> priorities;
  for (std::size_t i = 0; i < items.size(); ++i) {
    keys.push_back(items[i].key);
    priorities.push_back(errors.const_data_ptr<double>()[i] + kLeastPriority);
  }
  table.update_priorities(keys, priorities);
}

// False when the table holds too little.
bool DqnAlgorithm::Impl::train_once(replay::Table& table, const TrainingProgress& progress,
                                    Sums& sums) {
  const auto items = table.sample(options.batch_size, std::chrono::milliseconds(0));
  if (!items) return false;
  TransitionTensors transitions = to_tensors(
      replay::gather_transitions(*items, options.n_step, options.discount), environment, device);
  if (options.prioritised) {
    std::vector<float> probabilities;
    for (const replay::Item& item : *items) {
      probabilities.push_back(static_cast<float>(item.probability));
    }
    transitions.batch.weights =
        importance_weights(at::tensor(probabilities), static_cast<double>(table.num_items()),
                           beta(progress))
            .to(device);
  }
  const DqnLoss loss = compute_gradients(transitions);
  const Adam::Step step = adam.step(loss.total, learning_rate(progress));
  ++num_updates;
  if (!step.applied) return true;
  if (options.prioritised) update_priorities(table, *items, loss.td_errors);
  sums.loss += loss.total.item<double>();
  sums.chosen += loss.chosen.mean().item<double>();
  sums.td_error += loss.td_errors.abs().mean().item<double>();
  sums.gradient_norm += step.gradient_norm;
  return true;
}

DqnAlgorithm::DqnAlgorithm(const TrainOptions& options, const EnvironmentSpec& environment) {
  validate(options.dqn);
  require_one_discrete_action(environment);
  impl_ = std::make_unique<Impl>(options, environment);
}

DqnAlgorithm::~DqnAlgorithm() = default;

replay::TableOptions DqnAlgorithm::table_options() const {
  const DqnOptions& options = impl_->options;
  return {.name = "replay",
          .unit = replay::ItemUnit::step,
          .sampler = options.prioritised ? replay::Selector::prioritized
                                         : replay::Selector::uniform,
          .remover = replay::Selector::fifo,
          .capacity_steps = options.replay_capacity,
          .max_times_sampled = 0,
          .priority_exponent = options.priority_exponent};
}

std::size_t DqnAlgorithm::steps_per_round() const {
  return std::max<std::size_t>(1, impl_->options.train_every / impl_->num_environments);
}

std::optional<UpdateReport> DqnAlgorithm::update(replay::Table& table,
                                                 const TrainingProgress& progress) {
  const std::uint64_t owed = impl_->gradient_steps_owed(progress.environment_steps);
  if (owed == 0 || table.num_items() == 0) return std::nullopt;
  impl_->synchronise_target_if_due(progress.environment_steps);
  const std::uint64_t skipped_before = impl_->adam.num_skipped();
  const std::uint64_t applied_before = impl_->adam.num_steps();
  Sums sums;
  for (std::uint64_t i = 0; i < owed && impl_->train_once(table, progress, sums); ++i) {
  }
  UpdateReport report;
  report.gradient_steps = impl_->adam.num_steps() - applied_before;
  report.skipped_steps = impl_->adam.num_skipped() - skipped_before;
  report.steps_consumed =
      (report.gradient_steps + report.skipped_steps) * impl_->options.batch_size;
  const auto count = static_cast<double>(std::max<std::size_t>(1, report.gradient_steps));
  report.metrics = {{"loss", sums.loss / count},
                    {"q_value", sums.chosen / count},
                    {"td_error", sums.td_error / count},
                    {"gradient_norm", sums.gradient_norm / count},
                    {"epsilon", impl_->epsilon(progress)}};
  if (impl_->options.prioritised) report.metrics["importance_exponent"] = impl_->beta(progress);
  return report;
}

Bytes DqnAlgorithm::weights_image(const TrainingProgress& progress) const {
  StateDict state;
  const Parameters& parameters = impl_->model.parameters();
  parameters.put(state, "", parameters.values());
  state.put("exploration_epsilon", static_cast<float>(impl_->epsilon(progress)));
  return state.write({{"corral.policy", to_json(impl_->policy)}});
}

Bytes DqnAlgorithm::save_state() const {
  StateDict state;
  const Parameters& parameters = impl_->model.parameters();
  parameters.put(state, "", parameters.values());
  parameters.put(state, "target.", impl_->model.target_parameters().values());
  impl_->adam.put(state);
  state.put("num_updates", impl_->num_updates);
  state.put("target_period", impl_->target_period);
  return state.write({{"corral.algorithm", "dqn"}, {"corral.policy", to_json(impl_->policy)}});
}

void DqnAlgorithm::load_state(std::span<const std::byte> image) {
  const SafetensorsView view(image, "dqn state");
  const at::Tensor values = impl_->model.parameters().read(view, "");
  const at::Tensor target = impl_->model.parameters().read(view, "target.");
  const std::uint64_t num_updates = read_count(view, "num_updates");
  const std::uint64_t target_period = read_count(view, "target_period");
  impl_->adam.load(view);
  impl_->num_updates = num_updates;
  impl_->target_period = target_period;
  impl_->model.parameters().values().copy_(values);
  impl_->model.set_target(target);
}

}  // namespace rl
