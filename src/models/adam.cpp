#include "rl/models/adam.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace rl {
namespace {

constexpr std::int64_t kNormPart = std::int64_t{1} << 15;

// The norm of the norms of equal parts, each of which one thread computes: how many there are
// changes no bit.
double norm_of(const at::Tensor& flat) {
  if (flat.numel() <= kNormPart) return at::linalg_vector_norm(flat).item<double>();
  const std::int64_t whole = flat.numel() / kNormPart * kNormPart;
  const at::Tensor parts =
      at::linalg_vector_norm(flat.narrow(0, 0, whole).view({-1, kNormPart}), 2, {1});
  const at::Tensor rest = at::linalg_vector_norm(flat.narrow(0, whole, flat.numel() - whole));
  return at::linalg_vector_norm(at::cat({parts, rest.view({1})})).item<double>();
}

}  // namespace

Adam::Adam(Parameters& parameters, const AdamOptions& options)
    : parameters_(parameters),
      options_(options),
      stretches_(stretches_of(parameters, options.weight_decay != 0.0)),
      first_moment_(at::zeros_like(parameters.values())),
      second_moment_(at::zeros_like(parameters.values())),
      step_tensor_(at::zeros({1}, parameters.values().options())) {}

// The zeros behind a parameter belong to it: nothing moves them.
std::vector<Adam::Stretch> Adam::stretches_of(const Parameters& parameters, bool decay) {
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const bool decays = decay && parameters.specs()[i].shape.size() >= 2;
    const std::int64_t begin = parameters.value(i).storage_offset();
    if (stretches.empty() || stretches.back().decays != decays) {
      if (!stretches.empty()) stretches.back().end = begin;
      stretches.push_back({begin, 0, decays});
    }
  }
  if (!stretches.empty()) stretches.back().end = parameters.values().numel();
  return stretches;
}

Adam::Step Adam::step(const at::Tensor& loss, double learning_rate) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const at::Tensor& gradients = parameters_.gradients();
  const double norm = norm_of(gradients);
  if (!std::isfinite(norm) || !std::isfinite(loss.item<double>())) {
    ++num_skipped_;
    return {false, norm};
  }
  const double limit = options_.max_gradient_norm;
  if (limit > 0.0 && norm > limit) gradients.mul_(limit / (norm + 1e-6));
  ++num_steps_;
  step_tensor_.fill_(static_cast<double>(num_steps_));
  for (const Stretch& stretch : stretches_) {
    const auto part = [&](const at::Tensor& flat) {
      return flat.slice(0, stretch.begin, stretch.end);
    };
    at::_fused_adamw_(part(parameters_.values()), part(gradients), part(first_moment_),
                      part(second_moment_), {}, step_tensor_, learning_rate, options_.beta1,
                      options_.beta2, stretch.decays ? options_.weight_decay : 0.0,
                      options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
  }
  return {true, norm};
}

void Adam::put(StateDict& state, const std::string& prefix) const {
  parameters_.put(state, prefix + "adam.first_moment.", first_moment_);
  parameters_.put(state, prefix + "adam.second_moment.", second_moment_);
  state.put(prefix + "adam.num_steps", num_steps_);
  state.put(prefix + "adam.num_skipped", num_skipped_);
}

Adam::State Adam::read(const SafetensorsView& image, const std::string& prefix) const {
  return {.first_moment = parameters_.read(image, prefix + "adam.first_moment."),
          .second_moment = parameters_.read(image, prefix + "adam.second_moment."),
          .num_steps = read_count(image, prefix + "adam.num_steps"),
          .num_skipped = read_count(image, prefix + "adam.num_skipped")};
}

void Adam::set(State state) {
  first_moment_ = std::move(state.first_moment);
  second_moment_ = std::move(state.second_moment);
  num_steps_ = state.num_steps;
  num_skipped_ = state.num_skipped;
}

}  // namespace rl
