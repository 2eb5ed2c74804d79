#include "envs/probes.h"

#include <algorithm>
#include <cmath>

namespace rl {
namespace {

constexpr double kNumberRange = 0.5;  // of ProbeContinuous

EnvironmentSpec probe_spec(const char* name, std::int64_t categories, std::int64_t max_steps,
                           double reward_low, double reward_high) {
  return {.name = name,
          .observations = {{.name = "seen", .shape = {1}, .low = {-1}, .high = {1}}},
          .actions = {{.name = "choice",
                       .dtype = DType::i64,
                       .low = {0},
                       .high = {static_cast<double>(categories - 1)}}},
          .max_episode_steps = max_steps,
          .reward_low = reward_low,
          .reward_high = reward_high};
}

double draw_sign(RngStream& stream) {
  return stream.below(2) == 0 ? -1.0 : 1.0;
}

}  // namespace

void ProbeBase::observe(const State& state, Fields rows) const {
  rows.as<float>(0)[0] = static_cast<float>(state[0]);
}

bool ProbeBase::is_possible(const State& state) const {
  return (std::abs(state[0]) == 1.0 || state[0] == 0.0) && (state[1] == 0.0 || state[1] == 1.0);
}

EnvironmentSpec ProbeConstantReward::spec() const {
  return probe_spec("Probe-ConstantReward", 2, 1, 0.0, 1.0);
}

TaskStep ProbeConstantReward::step(State&, std::span<const Action>, RngStream&) const {
  return {.reward = 1.0, .terminated = true};
}

EnvironmentSpec ProbeObservationReward::spec() const {
  return probe_spec("Probe-ObservationReward", 2, 1, -1.0, 1.0);
}

ProbeBase::State ProbeObservationReward::start(RngStream& stream) const {
  return {draw_sign(stream), 0.0};
}

TaskStep ProbeObservationReward::step(State& state, std::span<const Action>, RngStream&) const {
  return {.reward = state[0], .terminated = true};
}

EnvironmentSpec ProbeDelayedReward::spec() const {
  return probe_spec("Probe-DelayedReward", 2, 2, 0.0, 1.0);
}

TaskStep ProbeDelayedReward::step(State& state, std::span<const Action>, RngStream&) const {
  const bool is_last = state[1] == 1.0;
  state = {1.0, 1.0};
  return {.reward = is_last ? 1.0 : 0.0, .terminated = is_last};
}

EnvironmentSpec ProbeActionReward::spec() const {
  return probe_spec("Probe-ActionReward", 2, 1, -1.0, 1.0);
}

TaskStep ProbeActionReward::step(State&, std::span<const Action> action, RngStream&) const {
  return {.reward = action[0] == 1 ? 1.0 : -1.0, .terminated = true};
}

EnvironmentSpec ProbeObservationActionReward::spec() const {
  return probe_spec("Probe-ObservationActionReward", 2, 1, -1.0, 1.0);
}

ProbeBase::State ProbeObservationActionReward::start(RngStream& stream) const {
  return {draw_sign(stream), 0.0};
}

TaskStep ProbeObservationActionReward::step(State& state, std::span<const Action> action,
                                            RngStream&) const {
  const Action right = state[0] > 0.0 ? 1 : 0;
  return {.reward = action[0] == right ? 1.0 : -1.0, .terminated = true};
}

EnvironmentSpec ProbeBandit::spec() const {
  return probe_spec("Probe-Bandit", static_cast<std::int64_t>(kPayOdds.size()), 1, 0.0, 1.0);
}

TaskStep ProbeBandit::step(State&, std::span<const Action> action, RngStream& stream) const {
  const bool pays = stream.uniform() < kPayOdds[static_cast<std::size_t>(action[0])];
  return {.reward = pays ? 1.0 : 0.0, .terminated = true};
}

EnvironmentSpec ProbeStochasticOptimal::spec() const {
  return probe_spec("Probe-StochasticOptimal", 2, 200, -1.0, 0.0);
}

TaskStep ProbeStochasticOptimal::step(State& state, std::span<const Action> action,
                                      RngStream&) const {
  constexpr double kSwapped = 1.0;
  constexpr double kGoal = 3.0;
  const bool goes_right = (action[0] == 1) != (state[0] == kSwapped);
  state[0] = goes_right ? state[0] + 1.0 : std::max(0.0, state[0] - 1.0);
  return {.reward = -1.0, .terminated = state[0] == kGoal};
}

void ProbeStochasticOptimal::observe(const State&, Fields rows) const {
  rows.as<float>(0)[0] = 1.0F;
}

bool ProbeStochasticOptimal::is_possible(const State& state) const {
  return state[0] >= 0.0 && state[0] <= 3.0 && state[0] == std::floor(state[0]);
}

EnvironmentSpec ProbeHardExploration::spec() const {
  EnvironmentSpec spec = probe_spec("Probe-HardExploration", 2, kPassword.size(), 0.0, 1.0);
  spec.observations[0].shape = {static_cast<std::int64_t>(kPassword.size())};
  return spec;
}

TaskStep ProbeHardExploration::step(State& state, std::span<const Action> action,
                                    RngStream&) const {
  state.guesses[static_cast<std::size_t>(state.step++)] = action[0] == 1 ? 1 : -1;
  if (state.step < static_cast<std::int64_t>(kPassword.size())) return {};
  const bool is_right = std::equal(
      kPassword.begin(), kPassword.end(), state.guesses.begin(),
      [](std::int64_t digit, std::int64_t guess) { return (digit == 1) == (guess == 1); });
  return {.reward = is_right ? 1.0 : 0.0, .terminated = true};
}

void ProbeHardExploration::observe(const State& state, Fields rows) const {
  std::transform(state.guesses.begin(), state.guesses.end(), rows.as<float>(0),
                 [](std::int64_t guess) { return static_cast<float>(guess); });
}

bool ProbeHardExploration::is_possible(const State& state) const {
  const auto length = static_cast<std::int64_t>(kPassword.size());
  if (state.step < 0 || state.step > length) return false;
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t guess = state.guesses[static_cast<std::size_t>(i)];
    if (i < state.step ? guess != 1 && guess != -1 : guess != 0) return false;
  }
  return true;
}

EnvironmentSpec ProbeMultiDiscrete::spec() const {
  EnvironmentSpec spec = probe_spec("Probe-MultiDiscrete", 2, 1, 0.0, 1.0);
  spec.observations[0].shape = {kCategories[0] + kCategories[1]};
  spec.actions[0].shape = {2};
  spec.actions[0].high = {static_cast<double>(kCategories[0] - 1),
                          static_cast<double>(kCategories[1] - 1)};
  return spec;
}

ProbeBase::State ProbeMultiDiscrete::start(RngStream& stream) const {
  const auto first = static_cast<double>(stream.below(kCategories[0]));
  return {first, static_cast<double>(stream.below(kCategories[1]))};
}

TaskStep ProbeMultiDiscrete::step(State& state, std::span<const Action> action, RngStream&) const {
  double reward = 0.0;
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (static_cast<double>(action[i]) == state[i]) reward += 0.5;
  }
  return {.reward = reward, .terminated = true};
}

void ProbeMultiDiscrete::observe(const State& state, Fields rows) const {
  float* row = rows.as<float>(0);
  std::fill_n(row, kCategories[0] + kCategories[1], 0.0F);
  row[static_cast<std::int64_t>(state[0])] = 1.0F;
  row[kCategories[0] + static_cast<std::int64_t>(state[1])] = 1.0F;
}

bool ProbeMultiDiscrete::is_possible(const State& state) const {
  for (std::size_t i = 0; i < state.size(); ++i) {
    const bool is_digit = state[i] >= 0.0 && state[i] < static_cast<double>(kCategories[i]) &&
                          state[i] == std::floor(state[i]);
    if (!is_digit) return false;
  }
  return true;
}

EnvironmentSpec ProbeContinuous::spec() const {
  return {.name = "Probe-Continuous",
          .observations =
              {{.name = "seen", .shape = {2}, .low = {-kNumberRange}, .high = {kNumberRange}}},
          .actions = {{.name = "guess",
                       .shape = {2},
                       .low = {-kScale[0], -kScale[1]},
                       .high = {kScale[0], kScale[1]}}},
          .max_episode_steps = 1,
          .reward_low = -8.0,
          .reward_high = 1.0};
}

ProbeBase::State ProbeContinuous::start(RngStream& stream) const {
  const double first = stream.uniform(-kNumberRange, kNumberRange);
  return {first, stream.uniform(-kNumberRange, kNumberRange)};
}

TaskStep ProbeContinuous::step(State& state, std::span<const Action> action, RngStream&) const {
  double squares = 0.0;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const double distance = static_cast<double>(action[i]) - kScale[i] * state[i];
    squares += distance * distance;
  }
  return {.reward = 1.0 - squares / 2.0, .terminated = true};
}

void ProbeContinuous::observe(const State& state, Fields rows) const {
  rows.as<float>(0)[0] = static_cast<float>(state[0]);
  rows.as<float>(0)[1] = static_cast<float>(state[1]);
}

bool ProbeContinuous::is_possible(const State& state) const {
  return std::abs(state[0]) <= kNumberRange && std::abs(state[1]) <= kNumberRange;
}

}  // namespace rl
