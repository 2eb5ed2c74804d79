#include "src/policies/mlp_policy.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "rl/core/error.h"
#include "rl/formats/safetensors.h"

namespace rl {
namespace {

constexpr double kVarianceFloor = 1e-8;  // of policy_spec.h's normalisation
constexpr const char* kDescriptionKey = "corral.policy";

std::string where(const WeightSnapshot& snapshot) {
  return "weights version " + std::to_string(snapshot.version);
}

[[noreturn]] void refuse(const WeightSnapshot& snapshot, const std::string& what,
                         const std::string& expected, const std::string& got) {
  throw Error({.where = where(snapshot),
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "publish the weights of the policy this worker runs; the old weights "
                         "stay in use"});
}

SafetensorsView open(const WeightSnapshot& snapshot) {
  if (snapshot.image == nullptr) refuse(snapshot, "there is no image", "an image", "none");
  return SafetensorsView(*snapshot.image, where(snapshot));
}

std::string description(const WeightSnapshot& snapshot, const SafetensorsView& image) {
  const auto found = image.metadata().find(kDescriptionKey);
  if (found == image.metadata().end()) {
    refuse(snapshot, "the image does not describe its policy",
           "metadata \"" + std::string(kDescriptionKey) + "\"", "none");
  }
  return found->second;
}

template <class T>
std::span<const T> finite_values(const WeightSnapshot& snapshot, const SafetensorsView& image,
                                 const std::string& name, const Shape& shape) {
  const std::span<const T> values = image.values<T>(name, shape);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    refuse(snapshot, "tensor " + name + " is not finite", "finite values",
           std::to_string(values[i]) + " at element " + std::to_string(i));
  }
  return values;
}

template <class T>
float* append(const std::byte* from, std::size_t count, float* to) {
  const auto* values = reinterpret_cast<const T*>(from);
  return std::transform(values, values + count, to, [](T v) { return static_cast<float>(v); });
}

float* append_as_f32(const TensorSpec& tensor, const std::byte* from, float* to) {
  const std::size_t count = tensor.num_elements();
  switch (tensor.dtype) {
    case DType::u8: return append<std::uint8_t>(from, count, to);
    case DType::i32: return append<std::int32_t>(from, count, to);
    case DType::i64: return append<std::int64_t>(from, count, to);
    case DType::f64: return append<double>(from, count, to);
    default: return append<float>(from, count, to);
  }
}

PolicySpec validated(const PolicySpec& policy, const EnvironmentSpec& spec) {
  validate(policy, spec);
  return policy;
}

}  // namespace

MlpPolicy::MlpPolicy(EnvironmentSpec spec, PolicySpec policy, const MlpKernel& kernel)
    : spec_(std::move(spec)),
      policy_(validated(policy, spec_)),
      kernel_(&kernel),
      head_(policy_, spec_),
      mask_field_(find(spec_.observations, kActionMaskName)) {
  widths_.push_back(num_inputs(spec_));
  widths_.insert(widths_.end(), policy_.hidden.begin(), policy_.hidden.end());
  widths_.push_back(num_outputs(policy_, spec_));
}

void MlpPolicy::load(const WeightSnapshot& snapshot) {
  weights_ = read(snapshot);
  version_ = snapshot.version;
}

MlpPolicy::Weights MlpPolicy::read(const WeightSnapshot& snapshot) const {
  const SafetensorsView image = open(snapshot);
  const std::string described = description(snapshot, image);
  if (policy_spec_from_json(described) != policy_) {
    refuse(snapshot, "the image describes another policy", to_json(policy_), described);
  }
  // Shapes are checked before anything of their size is allocated.
  std::vector<std::pair<std::span<const float>, std::span<const float>>> layers;
  for (std::size_t i = 0; i + 1 < widths_.size(); ++i) {
    const std::string prefix = "policy." + std::to_string(i);
    layers.emplace_back(
        finite_values<float>(snapshot, image, prefix + ".weight", {widths_[i + 1], widths_[i]}),
        finite_values<float>(snapshot, image, prefix + ".bias", {widths_[i + 1]}));
  }
  Weights weights{Mlp(widths_, policy_.activation, *kernel_), {}, {}, {}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    weights.network.set_layer(i, layers[i].first, layers[i].second);
  }
  if (policy_.head == PolicyHead::gaussian) {
    const auto log_std =
        finite_values<float>(snapshot, image, "policy.log_std", {num_outputs(policy_, spec_)});
    weights.head.log_std.assign(log_std.begin(), log_std.end());
  }
  if (policy_.head == PolicyHead::q_values) {
    const float epsilon = finite_values<float>(snapshot, image, "exploration_epsilon", {})[0];
    if (epsilon < 0.0F || epsilon > 1.0F) {
      refuse(snapshot, "tensor exploration_epsilon is not a probability", "0 to 1",
             std::to_string(epsilon));
    }
    weights.head.epsilon = epsilon;
  }
  if (policy_.normalise_observations) {
    const auto mean = finite_values<double>(snapshot, image, "observation_mean", {widths_[0]});
    const auto variance =
        finite_values<double>(snapshot, image, "observation_variance", {widths_[0]});
    weights.mean.assign(mean.begin(), mean.end());
    for (const double value : variance) {
      if (value < 0.0) {
        refuse(snapshot, "tensor observation_variance is negative", "0 or more",
               std::to_string(value));
      }
      weights.std.push_back(std::sqrt(value + kVarianceFloor));
    }
  }
  return weights;
}

void MlpPolicy::act(std::span<const ActRow> rows, ActMode mode) {
  if (!weights_) {
    throw Error({.where = "policy for '" + spec_.name + "'",
                 .what = "no weights are loaded",
                 .remedy = "wait for the first weights and call load() before act()"});
  }
  for (std::size_t done = 0; done < rows.size(); done += Mlp::kMaxRows) {
    const auto block = rows.subspan(done, std::min(Mlp::kMaxRows, rows.size() - done));
    for (std::size_t i = 0; i < block.size(); ++i) {
      check_row(block[i], mode);
      gather(block[i], weights_->network.input(i));
    }
    weights_->network.forward(block.size());
    for (std::size_t i = 0; i < block.size(); ++i) {
      const ActRow& row = block[i];
      HeadRow head{weights_->network.output(i), {}, row.action.bytes(0), row.log_prob, row.stream};
      if (mask_field_ >= 0) {
        const auto field = static_cast<std::size_t>(mask_field_);
        head.mask = {row.observation.as<std::uint8_t>(field),
                     spec_.observations[field].num_elements()};
      }
      head_.act(head, weights_->head, mode);
    }
  }
}

void MlpPolicy::check_row(const ActRow& row, ActMode mode) const {
  const bool fits = row.observation.size() == spec_.observations.size() &&
                    row.action.size() == spec_.actions.size() &&
                    (mode != ActMode::sample || row.stream != nullptr);
  if (fits) return;
  throw Error({.where = "policy for '" + spec_.name + "'",
               .what = "a row does not fit the environment's spec",
               .expected = std::to_string(spec_.observations.size()) + " observations, " +
                           std::to_string(spec_.actions.size()) + " actions and a random stream",
               .got = std::to_string(row.observation.size()) + ", " +
                      std::to_string(row.action.size()) + " and " +
                      (row.stream == nullptr ? "no stream" : "a stream"),
               .remedy = "pass one row per tensor of the spec"});
}

void MlpPolicy::gather(const ActRow& row, std::span<float> inputs) const {
  float* to = inputs.data();
  for (std::size_t field = 0; field < spec_.observations.size(); ++field) {
    if (static_cast<int>(field) == mask_field_) continue;
    to = append_as_f32(spec_.observations[field], row.observation.bytes(field), to);
  }
  if (!policy_.normalise_observations) return;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double standard = (inputs[i] - weights_->mean[i]) / weights_->std[i];
    inputs[i] = static_cast<float>(
        std::clamp(standard, -policy_.observation_clip, policy_.observation_clip));
  }
}

std::unique_ptr<Policy> make_policy(const EnvironmentSpec& spec, const WeightSnapshot& snapshot) {
  const PolicySpec policy = policy_spec_from_json(description(snapshot, open(snapshot)));
  auto result = std::make_unique<MlpPolicy>(spec, policy);
  result->load(snapshot);
  return result;
}

}  // namespace rl
