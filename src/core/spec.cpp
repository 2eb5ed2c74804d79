#include "rl/core/spec.h"

#include <array>
#include <charconv>
#include <limits>

#include "rl/core/checksum.h"
#include "rl/core/error.h"

namespace rl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double bound_at(const std::vector<double>& bounds, std::size_t element, double unbounded) {
  if (bounds.empty()) return unbounded;
  return bounds.size() == 1 ? bounds[0] : bounds[element];
}

std::string number(double value) {  // shortest text that reads back as the same number
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string join(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : " ") + number(value);
  return text;
}

void require(bool ok, const EnvironmentSpec& spec, const std::string& field, const char* what,
             const std::string& expected, const std::string& got) {
  if (ok) return;
  throw Error({.where = "environment spec '" + spec.name + "'",
               .what = field + " " + what,
               .expected = expected,
               .got = got,
               .remedy = "correct the environment's spec()"});
}

void validate_tensor(const EnvironmentSpec& spec, const TensorSpec& tensor) {
  const std::size_t n = tensor.num_elements();
  require(!tensor.name.empty(), spec, "a tensor", "has no name", "a name", "''");
  require(n > 0, spec, tensor.name, "is empty", "positive extents", "0 elements");
  for (const auto& bounds : {tensor.low, tensor.high}) {
    require(bounds.size() <= 1 || bounds.size() == n, spec, tensor.name,
            "has bounds of the wrong length", "0, 1 or " + std::to_string(n) + " values",
            std::to_string(bounds.size()));
  }
  for (std::size_t i = 0; i < n; ++i) {
    require(tensor.low_at(i) <= tensor.high_at(i), spec, tensor.name, "has low above high",
            "low <= high", std::to_string(tensor.low_at(i)) + " > " +
                               std::to_string(tensor.high_at(i)));
  }
}

void validate_action(const EnvironmentSpec& spec, const TensorSpec& action) {
  if (!action.is_discrete()) return;
  for (std::size_t i = 0; i < action.num_elements(); ++i) {
    require(action.low_at(i) == 0.0, spec, action.name, "does not start at 0", "low 0",
            std::to_string(action.low_at(i)));
    require(action.high_at(i) < kInfinity, spec, action.name, "has no upper bound",
            "high = categories - 1", "unbounded");
  }
}

void validate_mask(const EnvironmentSpec& spec) {
  const int index = find(spec.observations, kActionMaskName);
  if (index < 0) return;
  const TensorSpec& mask = spec.observations[static_cast<std::size_t>(index)];
  const TensorSpec& action = spec.actions.front();
  require(action.is_discrete(), spec, mask.name, "masks a continuous action", "a discrete action",
          std::string(name(action.dtype)));
  std::size_t categories = 0;
  for (std::size_t i = 0; i < action.num_elements(); ++i) {
    categories += static_cast<std::size_t>(action.num_categories(i));
  }
  require(mask.dtype == DType::u8 && mask.num_elements() == categories, spec, mask.name,
          "does not fit the action", std::to_string(categories) + " flags of u8",
          std::to_string(mask.num_elements()) + " of " + std::string(name(mask.dtype)));
}

}  // namespace

std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::u8: return 1;
    case DType::f16:
    case DType::bf16: return 2;
    case DType::i32:
    case DType::f32: return 4;
    case DType::i64:
    case DType::f64: return 8;
  }
  throw Error({.where = "DType", .what = "unknown element type",
               .got = std::to_string(static_cast<int>(dtype))});
}

std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::u8: return "u8";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
  }
  return "unknown";
}

std::size_t num_elements(const Shape& shape) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape) count *= extent > 0 ? static_cast<std::size_t>(extent) : 0;
  return count;
}

double TensorSpec::low_at(std::size_t element) const { return bound_at(low, element, -kInfinity); }
double TensorSpec::high_at(std::size_t element) const { return bound_at(high, element, kInfinity); }

std::int64_t TensorSpec::num_categories(std::size_t element) const {
  return static_cast<std::int64_t>(high_at(element)) + 1;
}

void validate(const EnvironmentSpec& spec) {
  require(!spec.name.empty(), spec, "the environment", "has no name", "a name", "''");
  require(!spec.observations.empty(), spec, "observations", "are missing", "at least one", "none");
  require(!spec.actions.empty(), spec, "actions", "are missing", "at least one", "none");
  require(spec.reward_low < spec.reward_high, spec, "reward bounds", "are reversed",
          "reward_low < reward_high", std::to_string(spec.reward_low) + " >= " +
                                          std::to_string(spec.reward_high));
  require(spec.max_episode_steps >= 0, spec, "max_episode_steps", "is negative", "0 or more",
          std::to_string(spec.max_episode_steps));
  for (const auto& tensor : spec.observations) validate_tensor(spec, tensor);
  for (const auto& tensor : spec.actions) {
    validate_tensor(spec, tensor);
    validate_action(spec, tensor);
  }
  validate_mask(spec);
}

std::string describe(const TensorSpec& spec) {
  std::string text = spec.name + " " + std::string(name(spec.dtype)) + "[";
  for (std::size_t i = 0; i < spec.shape.size(); ++i) {
    text += (i ? "," : "") + std::to_string(spec.shape[i]);
  }
  return text + "] low(" + join(spec.low) + ") high(" + join(spec.high) + ")";
}

std::string describe(const EnvironmentSpec& spec) {
  std::string text = "environment " + spec.name + "\n";
  for (const auto& tensor : spec.observations) text += "observation " + describe(tensor) + "\n";
  for (const auto& tensor : spec.actions) text += "action " + describe(tensor) + "\n";
  text += "reward low(" + number(spec.reward_low) + ") high(" + number(spec.reward_high) + ")\n";
  return text + "max_episode_steps " + std::to_string(spec.max_episode_steps) + "\n";
}

std::uint64_t digest(const EnvironmentSpec& spec) { return fnv1a(describe(spec)); }

int find(const std::vector<TensorSpec>& specs, std::string_view name) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace rl
