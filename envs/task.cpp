#include "rl/envs/task.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rl/core/error.h"

namespace rl {
namespace {

[[noreturn]] void throw_bad_action(const EnvironmentSpec& spec, std::size_t element,
                                   const std::string& expected, const std::string& got) {
  throw Error({.where = "environment " + spec.name,
               .what = spec.actions[0].name + "[" + std::to_string(element) + "] is not an action",
               .expected = expected,
               .got = got,
               .remedy = "the step was not made; correct the policy's output"});
}

[[noreturn]] void throw_wrong_rows(const EnvironmentSpec& spec, const char* which,
                                   std::size_t expected, std::size_t got) {
  throw Error({.where = "environment " + spec.name,
               .what = std::string("wrong number of ") + which + " rows",
               .expected = std::to_string(expected),
               .got = std::to_string(got),
               .remedy = "pass one row per tensor of spec()"});
}

}  // namespace

Episode::Episode(const EnvironmentSpec& spec, DType action_type)
    : limit_(static_cast<std::uint64_t>(spec.max_episode_steps)) {
  validate(spec);
  const TensorSpec& action = spec.actions[0];
  if (spec.actions.size() != 1 || action.dtype != action_type) {
    throw Error({.where = "environment " + spec.name,
                 .what = "its spec does not fit its rules",
                 .expected = "one action tensor of " + std::string(name(action_type)),
                 .got = std::to_string(spec.actions.size()) + ", the first of " +
                        std::string(name(action.dtype)),
                 .remedy = "correct spec() or the type Action"});
  }
  for (std::size_t i = 0; i < action.num_elements(); ++i) {
    if (action.is_discrete()) {
      categories_.push_back(action.num_categories(i));
    } else {
      low_.push_back(static_cast<float>(action.low_at(i)));
      high_.push_back(static_cast<float>(action.high_at(i)));
    }
  }
  clipped_.resize(low_.size());
}

void Episode::begin() {
  steps_ = 0;
  is_running_ = true;
}

void Episode::check_rows(const EnvironmentSpec& spec, Fields observation) const {
  if (observation.size() == spec.observations.size()) return;
  throw_wrong_rows(spec, "observation", spec.observations.size(), observation.size());
}

void Episode::check_step(const EnvironmentSpec& spec, ConstFields action,
                         Fields observation) const {
  if (!is_running_) {
    throw Error({.where = "environment " + spec.name,
                 .what = "step without a running episode",
                 .got = steps_ == 0
                            ? "no reset yet"
                            : "an episode that ended after " + std::to_string(steps_) + " steps",
                 .remedy = "call reset first"});
  }
  if (action.size() != 1) throw_wrong_rows(spec, "action", 1, action.size());
  check_rows(spec, observation);
}

std::span<const std::int64_t> Episode::read(const EnvironmentSpec& spec, const std::int64_t* row) {
  for (std::size_t i = 0; i < categories_.size(); ++i) {
    if (row[i] >= 0 && row[i] < categories_[i]) continue;
    throw_bad_action(spec, i, "0 to " + std::to_string(categories_[i] - 1), std::to_string(row[i]));
  }
  return {row, categories_.size()};
}

std::span<const float> Episode::read(const EnvironmentSpec& spec, const float* row) {
  for (std::size_t i = 0; i < clipped_.size(); ++i) {
    if (std::isnan(row[i])) throw_bad_action(spec, i, "a number", "NaN");
    clipped_[i] = std::clamp(row[i], low_[i], high_[i]);
  }
  return clipped_;
}

StepResult Episode::end_step(const TaskStep& step) {
  ++steps_;
  const bool is_at_limit = limit_ > 0 && steps_ >= limit_;
  const StepResult result{.reward = static_cast<float>(step.reward),
                          .terminated = step.terminated,
                          .truncated = is_at_limit && !step.terminated};
  is_running_ = !result.ended();
  return result;
}

void Episode::save(const EnvironmentSpec& spec, ByteWriter& out) const {
  out.put_string(spec.name);
  out.put(steps_);
  out.put(static_cast<std::uint8_t>(is_running_));
}

void Episode::load(const EnvironmentSpec& spec, ByteReader& in) {
  const std::string saved_name = in.get_string();
  const auto steps = in.get<std::uint64_t>();
  const auto running = in.get<std::uint8_t>();
  if (saved_name != spec.name) {
    throw Error({.where = "environment " + spec.name,
                 .what = "the saved state is another environment's",
                 .expected = spec.name,
                 .got = saved_name,
                 .remedy = "load it into the environment that saved it"});
  }
  if (running > 1 || (limit_ > 0 && steps >= limit_ + (running == 1 ? 0 : 1))) {
    throw_impossible_state(spec);
  }
  steps_ = steps;
  is_running_ = running == 1;
}

void throw_impossible_state(const EnvironmentSpec& spec) {
  throw Error({.where = "environment " + spec.name,
               .what = "the saved state is not one of this environment",
               .remedy = "the data is damaged or from another version"});
}

}  // namespace rl
