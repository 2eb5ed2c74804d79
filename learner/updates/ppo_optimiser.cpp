#include "learner/updates/ppo_optimiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace rl {
namespace {

constexpr double kKlMargin = 1.5;  // of target_kl, as Spinning Up and Stable-Baselines3 do

constexpr std::array<const char*, 5> kLossNames{"policy_loss", "value_loss", "entropy",
                                                "approximate_kl", "clip_fraction"};

// [5], in the order of kLossNames.
at::Tensor stack_parts(const PpoLoss& loss) {
  const at::NoGradGuard no_gradients;
  return at::stack({loss.policy.detach(), loss.value.detach(), loss.entropy.detach(),
                    loss.approximate_kl, loss.clip_fraction});
}

at::Tensor leaf(const at::Tensor& tensor) { return tensor.detach().requires_grad_(); }

}  // namespace

at::Tensor random_order(std::size_t count, RngStream& stream) {
  at::Tensor order = at::empty({static_cast<std::int64_t>(count)}, at::kLong);
  auto* values = order.mutable_data_ptr<std::int64_t>();
  std::iota(values, values + count, 0);
  for (std::size_t i = count; i > 1; --i) std::swap(values[i - 1], values[stream.below(i)]);
  return order;
}

PpoSteps PpoSteps::shuffled(const at::Tensor& order) const {
  const auto pick = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.index_select(0, order) : tensor;
  };
  return {pick(observations), pick(actions), pick(mask),
          {pick(batch.log_probs), pick(batch.advantages), pick(batch.returns),
           pick(batch.values)}};
}

PpoSteps PpoSteps::narrow(std::int64_t first, std::int64_t count) const {
  const auto cut = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, first, count) : tensor;
  };
  return {cut(observations), cut(actions), cut(mask),
          {cut(batch.log_probs), cut(batch.advantages), cut(batch.returns), cut(batch.values)}};
}

std::size_t PpoOptimiser::num_minibatches(std::size_t num_steps) const {
  const std::size_t size = options_.minibatch_size;
  return std::max<std::size_t>(1, (num_steps + size / 2) / size);
}

// The loss is differentiated by the networks' outputs; from there on the networks do it themselves.
PpoOptimiser::Pass PpoOptimiser::compute_gradients(const PpoSteps& minibatch) {
  TorchMlpTape policy_tape;
  TorchMlpTape value_tape;
  const at::Tensor outputs = leaf(model_.policy().forward(minibatch.observations, policy_tape));
  const at::Tensor values = leaf(model_.value().forward(minibatch.observations, value_tape));
  const at::Tensor log_std = model_.has_log_std() ? leaf(model_.log_std()) : at::Tensor();

  const ActionEvaluation actions =
      head_.evaluate(outputs, log_std, minibatch.actions, minibatch.mask);
  const PpoLoss loss = ppo_loss(options_, minibatch.batch,
                                {actions.log_probs, actions.entropy, values.squeeze(1)});
  loss.total.backward();

  const at::NoGradGuard no_gradients;
  model_.policy().backward(policy_tape, outputs.grad());
  model_.value().backward(value_tape, values.grad());
  if (model_.has_log_std()) model_.log_std_gradient().copy_(log_std.grad());
  return {loss, (actions.log_probs - minibatch.batch.log_probs).detach().abs().max()};
}

PpoOutcome PpoOptimiser::run(const PpoSteps& steps, double learning_rate, RngStream shuffle) {
  PpoOutcome outcome;
  const std::int64_t num_steps = steps.batch.log_probs.size(0);
  const auto pieces = static_cast<std::int64_t>(
      num_minibatches(static_cast<std::size_t>(num_steps)));
  std::vector<at::Tensor> parts;
  double gradient_norm = 0.0;
  double difference = 0.0;
  bool stopped = false;
  for (std::size_t epoch = 0; epoch < options_.epochs && !stopped; ++epoch) {
    const at::Tensor order = random_order(static_cast<std::size_t>(num_steps), shuffle);
    const PpoSteps epoch_steps = steps.shuffled(order.to(steps.observations.device()));
    for (std::int64_t piece = 0; piece < pieces && !stopped; ++piece) {
      const std::int64_t first = num_steps * piece / pieces;
      const std::int64_t end = num_steps * (piece + 1) / pieces;
      const Pass pass = compute_gradients(epoch_steps.narrow(first, end - first));
      if (parts.empty()) difference = pass.log_prob_difference.item<double>();
      parts.push_back(stack_parts(pass.loss));
      stopped = options_.target_kl > 0.0 &&
                pass.loss.approximate_kl.item<double>() > kKlMargin * options_.target_kl;
      if (stopped) break;
      const Adam::Step step = adam_.step(pass.loss.total, learning_rate);
      ++(step.applied ? outcome.gradient_steps : outcome.skipped_steps);
      if (step.applied) gradient_norm += step.gradient_norm;
    }
  }
  const at::Tensor means = at::stack(parts).mean(0).to(at::kCPU);
  for (std::size_t i = 0; i < kLossNames.size(); ++i) {
    outcome.metrics[kLossNames[i]] = means.const_data_ptr<float>()[i];
  }
  outcome.metrics["log_prob_difference"] = difference;
  outcome.metrics["stopped_by_kl"] = stopped ? 1.0 : 0.0;
  const auto applied = static_cast<double>(std::max<std::size_t>(1, outcome.gradient_steps));
  outcome.metrics["gradient_norm"] = gradient_norm / applied;
  return outcome;
}

}  // namespace rl
