#include "rl/models/adam.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace rl {

Adam::Adam(Parameters& parameters, const AdamOptions& options)
    : parameters_(parameters),
      options_(options),
      first_moment_(at::zeros_like(parameters.values())),
      second_moment_(at::zeros_like(parameters.values())),
      step_tensor_(at::zeros({1}, parameters.values().options())) {}

Adam::Step Adam::step(const at::Tensor& loss, double learning_rate) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const at::Tensor& gradients = parameters_.gradients();
  const double norm = at::linalg_vector_norm(gradients).item<double>();
  if (!std::isfinite(norm) || !std::isfinite(loss.item<double>())) {
    ++num_skipped_;
    return {false, norm};
  }
  const double limit = options_.max_gradient_norm;
  if (limit > 0.0 && norm > limit) gradients.mul_(limit / (norm + 1e-6));
  ++num_steps_;
  step_tensor_.fill_(static_cast<double>(num_steps_));
  at::_fused_adam_(parameters_.values(), gradients, first_moment_, second_moment_, {},
                   step_tensor_, learning_rate, options_.beta1, options_.beta2,
                   /*weight_decay=*/0.0, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
  return {true, norm};
}

void Adam::put(StateDict& state) const {
  parameters_.put(state, "adam.first_moment.", first_moment_);
  parameters_.put(state, "adam.second_moment.", second_moment_);
  state.put("adam.num_steps", num_steps_);
  state.put("adam.num_skipped", num_skipped_);
}

void Adam::load(const SafetensorsView& image) {
  at::Tensor first = parameters_.read(image, "adam.first_moment.");
  at::Tensor second = parameters_.read(image, "adam.second_moment.");
  const std::uint64_t num_steps = read_count(image, "adam.num_steps");
  num_skipped_ = read_count(image, "adam.num_skipped");
  num_steps_ = num_steps;
  first_moment_ = std::move(first);
  second_moment_ = std::move(second);
}

}  // namespace rl
