#include "learner/updates/ppo_optimiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "rl/core/shuffle.h"

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
  shuffle(std::span(values, count), stream);
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

PpoSteps PpoSteps::narrow(std::size_t first, std::size_t count) const {
  const auto cut = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, static_cast<std::int64_t>(first),
                                            static_cast<std::int64_t>(count))
                            : tensor;
  };
  return {cut(observations), cut(actions), cut(mask),
          {cut(batch.log_probs), cut(batch.advantages), cut(batch.returns), cut(batch.values)}};
}

std::size_t PpoOptimiser::num_minibatches(std::size_t num_steps) const {
  const std::size_t size = options_.minibatch_size;
  return std::max<std::size_t>(1, (num_steps + size / 2) / size);
}

// The loss is differentiated by the networks' outputs; from there on the networks do it themselves.
PpoLoss PpoOptimiser::compute_gradients(const PpoSteps& minibatch, Tally& tally) {
  TorchMlpTape policy_tape;
  TorchMlpTape value_tape;
  const at::Tensor outputs = leaf(model_.policy().forward(minibatch.observations, policy_tape));
  const at::Tensor values = leaf(model_.value().forward(minibatch.observations, value_tape));
  const at::Tensor log_std = model_.has_log_std() ? leaf(model_.log_std()) : at::Tensor();

  const ActionEvaluation actions =
      scorer_.evaluate(outputs, log_std, minibatch.actions, minibatch.mask);
  const PpoLoss loss = ppo_loss(options_, minibatch.batch,
                                {actions.log_probs, actions.entropy, values.squeeze(1)});
  loss.total.backward();

  const at::NoGradGuard no_gradients;
  model_.policy().backward(policy_tape, outputs.grad());
  model_.value().backward(value_tape, values.grad());
  if (model_.has_log_std()) model_.log_std_gradient().copy_(log_std.grad());
  if (tally.num_passes++ == 0) {
    tally.log_prob_difference =
        (actions.log_probs - minibatch.batch.log_probs).abs().max().item<double>();
  }
  return loss;
}

bool PpoOptimiser::step(const PpoSteps& minibatch, double learning_rate, Tally& tally) {
  const PpoLoss loss = compute_gradients(minibatch, tally);
  if (options_.target_kl > 0.0 &&
      loss.approximate_kl.item<double>() > kKlMargin * options_.target_kl) {
    tally.stopped = true;
    return false;
  }
  const Adam::Step taken = adam_.step(loss.total, learning_rate);
  if (taken.applied) {
    ++tally.applied;
    tally.gradient_norm += taken.gradient_norm;
    tally.losses.push_back(stack_parts(loss));
  } else {
    ++tally.skipped;
  }
  return true;
}

PpoOutcome PpoOptimiser::run(const PpoSteps& steps, double learning_rate, RngStream shuffle) {
  Tally tally;
  const auto num_steps = static_cast<std::size_t>(steps.batch.log_probs.size(0));
  const std::size_t pieces = num_minibatches(num_steps);
  for (std::size_t epoch = 0; epoch < options_.epochs && !tally.stopped; ++epoch) {
    const at::Tensor order = random_order(num_steps, shuffle);
    const PpoSteps shuffled = steps.shuffled(order.to(steps.observations.device()));
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      const std::size_t first = num_steps * piece / pieces;
      const std::size_t count = num_steps * (piece + 1) / pieces - first;
      if (!step(shuffled.narrow(first, count), learning_rate, tally)) break;
    }
  }
  return outcome(tally);
}

PpoOutcome PpoOptimiser::outcome(const Tally& tally) const {
  PpoOutcome result{.gradient_steps = tally.applied, .skipped_steps = tally.skipped, .metrics = {}};
  result.metrics["log_prob_difference"] = tally.log_prob_difference;
  result.metrics["stopped_by_kl"] = tally.stopped ? 1.0 : 0.0;
  if (tally.applied == 0) return result;
  result.metrics["gradient_norm"] = tally.gradient_norm / static_cast<double>(tally.applied);
  const at::Tensor means = at::stack(tally.losses).mean(0).to(at::kCPU);
  for (std::size_t i = 0; i < kLossNames.size(); ++i) {
    result.metrics[kLossNames[i]] = means.const_data_ptr<float>()[i];
  }
  return result;
}

}  // namespace rl
