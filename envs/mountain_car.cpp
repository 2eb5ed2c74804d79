#include "envs/mountain_car.h"

#include <algorithm>
#include <cmath>

#include "envs/canvas.h"

namespace rl {
namespace {

using State = MountainCar::State;

constexpr double kMinPosition = -1.2;
constexpr double kMaxPosition = 0.6;
constexpr double kMaxSpeed = 0.07;  // per step
constexpr double kGravity = 0.0025;
constexpr double kStartLow = -0.6;
constexpr double kStartHigh = -0.4;

constexpr double kForce = 0.001;
constexpr double kGoal = 0.5;

constexpr double kContinuousForce = 0.0015;
constexpr double kContinuousGoal = 0.45;
constexpr double kForceCost = 0.1;
constexpr double kGoalReward = 100.0;

TensorSpec observation_spec() {
  return {.name = "state",
          .shape = {2},
          .low = {kMinPosition, -kMaxSpeed},
          .high = {kMaxPosition, kMaxSpeed}};
}

State start_in_valley(RngStream& stream) {
  return {stream.uniform(kStartLow, kStartHigh), 0.0};
}

void drive(State& state, double push) {
  auto& [position, velocity] = state;
  velocity += push - kGravity * std::cos(3 * position);
  velocity = std::clamp(velocity, -kMaxSpeed, kMaxSpeed);
  position = std::clamp(position + velocity, kMinPosition, kMaxPosition);
  if (position == kMinPosition && velocity < 0) velocity = 0;
}

void write(const State& state, Fields rows) {
  rows.as<float>(0)[0] = static_cast<float>(state[0]);
  rows.as<float>(0)[1] = static_cast<float>(state[1]);
}

bool is_in_valley(const State& state) {  // f32 states may be one rounding outside
  constexpr double kSlack = 1e-6;
  return state[0] >= kMinPosition - kSlack && state[0] <= kMaxPosition + kSlack &&
         std::abs(state[1]) <= kMaxSpeed + kSlack;
}

std::string draw(const State& state, double goal) {
  constexpr int kWidth = 61;
  constexpr int kHeight = 12;
  const auto column_of = [](double position) {
    return static_cast<int>(
        std::lround((position - kMinPosition) / (kMaxPosition - kMinPosition) * (kWidth - 1)));
  };
  const auto row_of = [](double position) {
    return static_cast<int>(std::lround((kHeight - 2) - 4.5 * (std::sin(3 * position) + 1)));
  };
  Canvas canvas(kWidth, kHeight + 1);
  for (int column = 0; column < kWidth; ++column) {
    const double position = kMinPosition + (kMaxPosition - kMinPosition) * column / (kWidth - 1);
    canvas.put(column, row_of(position) + 1, '.');
  }
  canvas.put(column_of(goal), row_of(goal), 'F');
  canvas.put(column_of(state[0]), row_of(state[0]), 'O');
  canvas.write(0, kHeight,
               "position " + fixed(state[0], 3) + "   velocity " + fixed(state[1], 4) + "   goal " +
                   fixed(goal, 2));
  return canvas.text();
}

}  // namespace

EnvironmentSpec MountainCar::spec() const {
  return {.name = "MountainCar-v0",
          .observations = {observation_spec()},
          .actions = {{.name = "push", .dtype = DType::i64, .low = {0}, .high = {2}}},
          .max_episode_steps = 200,
          .reward_low = -1.0,
          .reward_high = 0.0};
}

MountainCar::State MountainCar::start(RngStream& stream) const {
  return start_in_valley(stream);
}

TaskStep MountainCar::step(State& state, std::span<const Action> action, RngStream&) const {
  drive(state, static_cast<double>(action[0] - 1) * kForce);
  return {.reward = -1.0, .terminated = state[0] >= kGoal && state[1] >= 0.0};
}

void MountainCar::observe(const State& state, Fields rows) const {
  write(state, rows);
}
bool MountainCar::is_possible(const State& state) const {
  return is_in_valley(state);
}
std::string MountainCar::render(const State& state) const {
  return draw(state, kGoal);
}

EnvironmentSpec MountainCarContinuous::spec() const {
  return {.name = "MountainCarContinuous-v0",
          .observations = {observation_spec()},
          .actions = {{.name = "force", .shape = {1}, .low = {-1.0}, .high = {1.0}}},
          .max_episode_steps = 999,
          .reward_low = -kForceCost,
          .reward_high = kGoalReward};
}

State MountainCarContinuous::start(RngStream& stream) const {
  return start_in_valley(stream);
}

TaskStep MountainCarContinuous::step(State& state, std::span<const Action> action,
                                     RngStream&) const {
  const double force = action[0];
  drive(state, force * kContinuousForce);
  for (double& value : state) value = static_cast<float>(value);
  // In f32, where 0.45 itself has been rounded.
  const bool reached = state[0] >= static_cast<float>(kContinuousGoal) && state[1] >= 0.0;
  return {.reward = (reached ? kGoalReward : 0.0) - kForceCost * force * force,
          .terminated = reached};
}

void MountainCarContinuous::observe(const State& state, Fields rows) const {
  write(state, rows);
}
bool MountainCarContinuous::is_possible(const State& state) const {
  return is_in_valley(state);
}
std::string MountainCarContinuous::render(const State& state) const {
  return draw(state, kContinuousGoal);
}

}  // namespace rl
