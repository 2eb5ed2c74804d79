#include "learner/updates/ppo_algorithm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "learner/updates/action_scorer.h"
#include "learner/updates/device.h"
#include "learner/updates/ppo_optimiser.h"
#include "rl/algorithms/returns.h"
#include "rl/core/error.h"
#include "rl/formats/safetensors.h"
#include "rl/policies/normaliser.h"

namespace rl {
namespace {

constexpr std::size_t kRoundsHeld = 4;  // table capacity
constexpr double kObservationClip = 10.0;
constexpr double kVarianceFloor = 1e-8;  // as policies/policy_spec.h

PolicyHead head_for(const PpoOptions& options, const EnvironmentSpec& environment) {
  if (environment.actions.front().is_discrete()) return PolicyHead::categorical;
  return options.squash_actions ? PolicyHead::squashed_gaussian : PolicyHead::gaussian;
}

PolicySpec make_policy_spec(const PpoOptions& options, const EnvironmentSpec& environment) {
  PolicySpec policy;
  policy.head = head_for(options, environment);
  policy.hidden = options.network.hidden;
  policy.activation =
      options.network.activation == "relu" ? Activation::relu : Activation::tanh;
  policy.normalise_observations = options.normalise_observations;
  policy.observation_clip = kObservationClip;
  return policy;
}

std::uint64_t oldest_version(const Fragment& fragment) {
  const auto versions =
      fragment.column<std::int64_t>(fragment.schema().require(kPolicyVersionColumn));
  return static_cast<std::uint64_t>(*std::min_element(versions.begin(), versions.end()));
}

bool before(const FragmentPtr& left, const FragmentPtr& right) {
  const FragmentHeader& a = left->header();
  const FragmentHeader& b = right->header();
  return a.environment != b.environment ? a.environment < b.environment : a.sequence < b.sequence;
}

}  // namespace

struct PpoAlgorithm::Impl {
  Impl(const TrainOptions& train, const EnvironmentSpec& spec);

  std::size_t steps_wanted() const { return options.rollout_steps * num_environments; }
  std::vector<FragmentPtr> draw(replay::Table& table, const TrainingProgress& progress,
                                UpdateReport& report) const;
  void normalise(FragmentBatch& batch) const;
  void scale_rewards(FragmentBatch& batch);
  PpoSteps prepare(FragmentBatch& batch) const;
  void estimate_advantages(const FragmentBatch& batch, std::span<const float> values,
                           std::span<float> advantages) const;
  double learning_rate(const TrainingProgress& progress, std::size_t steps) const;
  void learn(FragmentBatch& batch, const TrainingProgress& progress, UpdateReport& report);

  PpoOptions options;
  EnvironmentSpec environment;
  std::size_t num_environments;
  std::uint64_t seed;
  PolicySpec policy;
  at::Device device;
  ActorCritic model;
  ActionScorer head;
  Adam adam;
  PpoOptimiser optimiser;
  RunningMoments observation_moments;
  ReturnNormaliser return_normaliser;
  std::uint64_t num_updates = 0;
};

PpoAlgorithm::Impl::Impl(const TrainOptions& train, const EnvironmentSpec& spec)
    : options(train.ppo),
      environment(spec),
      num_environments(train.num_environments),
      seed(train.seed),
      policy(make_policy_spec(train.ppo, spec)),
      device(open_device(train.device)),
      model({policy, spec, train.ppo.initial_log_std, train.seed}, device),
      head(policy, spec, device),
      adam(model.parameters(), {.epsilon = train.ppo.adam_epsilon,
                                .max_gradient_norm = train.ppo.max_gradient_norm}),
      optimiser(train.ppo, model, adam, head),
      observation_moments(static_cast<std::size_t>(num_inputs(spec))),
      return_normaliser(train.num_environments, train.ppo.discount) {}

std::vector<FragmentPtr> PpoAlgorithm::Impl::draw(replay::Table& table,
                                                  const TrainingProgress& progress,
                                                  UpdateReport& report) const {
  std::vector<FragmentPtr> fragments;
  while (report.steps_consumed < steps_wanted()) {
    auto items = table.sample(1, std::chrono::milliseconds(0));
    if (!items) break;
    const FragmentPtr& fragment = items->front().fragment;
    report.steps_consumed += fragment->num_steps();
    const std::uint64_t version = oldest_version(*fragment);
    if (version + options.max_staleness < progress.weight_version) {
      ++report.fragments_stale;
    } else {
      fragments.push_back(fragment);
    }
  }
  std::sort(fragments.begin(), fragments.end(), before);
  return fragments;
}

void PpoAlgorithm::Impl::normalise(FragmentBatch& batch) const {
  if (!options.normalise_observations) return;
  const std::span<const double> mean = observation_moments.mean();
  std::vector<double> scale = observation_moments.variance();
  for (double& variance : scale) variance = 1.0 / std::sqrt(variance + kVarianceFloor);
  for (std::size_t i = 0; i < batch.observations.size(); ++i) {
    const std::size_t column = i % batch.num_inputs;
    const double value = (batch.observations[i] - mean[column]) * scale[column];
    batch.observations[i] =
        static_cast<float>(std::clamp(value, -policy.observation_clip, policy.observation_clip));
  }
}

void PpoAlgorithm::Impl::scale_rewards(FragmentBatch& batch) {
  if (!options.normalise_rewards) return;
  for (std::size_t f = 0; f < batch.num_fragments(); ++f) {
    const bool ended = batch.ends[f] != FragmentEnd::running;
    for (std::size_t t = batch.first_steps[f]; t < batch.first_steps[f + 1]; ++t) {
      const bool last = t + 1 == batch.first_steps[f + 1];
      return_normaliser.update(batch.environments[f], batch.rewards[t], ended && last);
    }
  }
  for (float& reward : batch.rewards) {
    reward = static_cast<float>(return_normaliser.scale(reward));
  }
}

void PpoAlgorithm::Impl::estimate_advantages(const FragmentBatch& batch,
                                             std::span<const float> values,
                                             std::span<float> advantages) const {
  std::vector<float> with_final;
  for (std::size_t f = 0; f < batch.num_fragments(); ++f) {
    const std::size_t first = batch.first_steps[f];
    const std::size_t steps = batch.first_steps[f + 1] - first;
    const auto own = values.subspan(first, steps);
    with_final.assign(own.begin(), own.end());
    with_final.push_back(values[batch.num_steps() + f]);
    gae<float>(std::span(batch.rewards).subspan(first, steps), with_final, batch.ends[f],
               options.discount, options.gae_lambda, advantages.subspan(first, steps));
  }
}

// Rows 0 .. N-1 of the observations are the steps, N .. N+F-1 the final ones.
PpoSteps PpoAlgorithm::Impl::prepare(FragmentBatch& batch) const {
  const at::NoGradGuard no_gradients;
  const auto steps = static_cast<std::int64_t>(batch.num_steps());
  const auto rows = steps + static_cast<std::int64_t>(batch.num_fragments());
  const auto column = [&](auto& values, std::int64_t count, at::ScalarType type) {
    const auto width = static_cast<std::int64_t>(values.size()) / count;
    return at::from_blob(values.data(), {count, width}, type).to(device, type, false, true);
  };
  const at::Tensor observations = column(batch.observations, rows, at::kFloat);
  const at::Tensor values = model.value().forward(observations).squeeze(1);
  const at::Tensor host_values = values.to(at::kCPU);
  std::vector<float> advantages(batch.num_steps());
  estimate_advantages(batch,
                      {host_values.const_data_ptr<float>(), static_cast<std::size_t>(rows)},
                      advantages);

  PpoSteps result;
  result.observations = observations.narrow(0, 0, steps);
  result.actions = batch.discrete.empty() ? column(batch.continuous, steps, at::kFloat)
                                          : column(batch.discrete, steps, at::kLong);
  if (!batch.masks.empty()) result.mask = column(batch.masks, steps, at::kByte).to(at::kBool);
  result.batch.log_probs = column(batch.log_probs, steps, at::kFloat).squeeze(1);
  result.batch.advantages = column(advantages, steps, at::kFloat).squeeze(1);
  result.batch.values = values.narrow(0, 0, steps);
  result.batch.returns = result.batch.advantages + result.batch.values;
  return result;
}

// Linear in the steps taken before this batch: the first update has the full rate.
double PpoAlgorithm::Impl::learning_rate(const TrainingProgress& progress,
                                         std::size_t steps) const {
  if (!options.anneal_learning_rate || progress.total_steps == 0) return options.learning_rate;
  const double before_batch = static_cast<double>(progress.environment_steps) -
                              static_cast<double>(steps);
  const double share = before_batch / static_cast<double>(progress.total_steps);
  return options.learning_rate * std::clamp(1.0 - share, 0.0, 1.0);
}

void PpoAlgorithm::Impl::learn(FragmentBatch& batch, const TrainingProgress& progress,
                               UpdateReport& report) {
  const std::vector<float> raw_observations =
      options.normalise_observations ? batch.observations : std::vector<float>();
  normalise(batch);
  scale_rewards(batch);
  const PpoSteps steps = prepare(batch);
  const double rate = learning_rate(progress, report.steps_consumed);
  PpoOutcome outcome =
      optimiser.run(steps, rate, RngStream(seed, RngRole::minibatch, num_updates));
  if (options.normalise_observations) {
    const std::size_t taken = batch.num_steps() * batch.num_inputs;
    observation_moments.update(std::span(raw_observations).first(taken));
  }
  report.gradient_steps = outcome.gradient_steps;
  report.skipped_steps = outcome.skipped_steps;
  report.metrics = std::move(outcome.metrics);
  report.metrics["learning_rate"] = rate;
  report.metrics["explained_variance"] =
      explained_variance(steps.batch.values, steps.batch.returns);
  report.metrics["value_mean"] = steps.batch.values.mean().item<double>();
}

PpoAlgorithm::PpoAlgorithm(const TrainOptions& options, const EnvironmentSpec& environment) {
  validate(options.ppo);
  validate(environment);
  impl_ = std::make_unique<Impl>(options, environment);
}

PpoAlgorithm::~PpoAlgorithm() = default;

replay::TableOptions PpoAlgorithm::table_options() const {
  return {.name = "rollouts",
          .unit = replay::ItemUnit::fragment,
          .sampler = replay::Selector::fifo,
          .remover = replay::Selector::fifo,
          .capacity_steps = kRoundsHeld * impl_->steps_wanted(),
          .max_times_sampled = 1};
}

std::size_t PpoAlgorithm::steps_per_round() const { return impl_->options.rollout_steps; }

std::optional<UpdateReport> PpoAlgorithm::update(replay::Table& table,
                                                 const TrainingProgress& progress) {
  if (table.num_steps() < impl_->steps_wanted()) return std::nullopt;
  UpdateReport report;
  const std::vector<FragmentPtr> fragments = impl_->draw(table, progress, report);
  if (fragments.empty()) return report;
  FragmentBatch batch = gather_fragments(fragments, impl_->environment);
  if (is_finite(batch)) {
    impl_->learn(batch, progress, report);
  } else {
    report.skipped_steps =
        impl_->options.epochs * impl_->optimiser.num_minibatches(batch.num_steps());
  }
  ++impl_->num_updates;
  return report;
}

Bytes PpoAlgorithm::weights_image(const TrainingProgress&) const {
  StateDict state;
  const Parameters& parameters = impl_->model.parameters();
  parameters.put(state, "", parameters.values());
  if (impl_->policy.normalise_observations) {
    state.put("observation_mean", impl_->observation_moments.mean());
    state.put("observation_variance", impl_->observation_moments.variance());
  }
  return state.write({{"corral.policy", to_json(impl_->policy)}});
}

Bytes PpoAlgorithm::save_state() const {
  StateDict state;
  const Parameters& parameters = impl_->model.parameters();
  parameters.put(state, "", parameters.values());
  impl_->adam.put(state);
  state.put("observation_moments", impl_->observation_moments.save());
  state.put("return_normaliser", impl_->return_normaliser.save());
  state.put("num_updates", impl_->num_updates);
  return state.write({{"corral.algorithm", "ppo"}, {"corral.policy", to_json(impl_->policy)}});
}

void PpoAlgorithm::load_state(std::span<const std::byte> image) {
  const SafetensorsView view(image, "ppo state");
  const at::Tensor values = impl_->model.parameters().read(view, "");
  RunningMoments moments = impl_->observation_moments;
  moments.restore(read_f64(view, "observation_moments", moments.save().size()));
  ReturnNormaliser returns = impl_->return_normaliser;
  returns.restore(read_f64(view, "return_normaliser", returns.save().size()));
  const std::uint64_t num_updates = read_count(view, "num_updates");
  impl_->adam.load(view);
  impl_->observation_moments = std::move(moments);
  impl_->return_normaliser = std::move(returns);
  impl_->num_updates = num_updates;
  impl_->model.parameters().values().copy_(values);
}

}  // namespace rl
