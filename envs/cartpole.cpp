#include "envs/cartpole.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "envs/canvas.h"

namespace rl {
namespace {

constexpr double kGravity = 9.8;   // m/s^2
constexpr double kCartMass = 1.0;  // kg
constexpr double kPoleMass = 0.1;  // kg
constexpr double kTotalMass = kCartMass + kPoleMass;
constexpr double kHalfLength = 0.5;   // m, from the pivot to the pole's centre
constexpr double kForce = 10.0;       // N
constexpr double kTimeStep = 0.02;    // s
constexpr double kMaxPosition = 2.4;  // m
constexpr double kMaxAngle = 12.0 * 2.0 * std::numbers::pi / 360.0;  // rad
constexpr double kStartRange = 0.05;                                 // of every state variable
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

EnvironmentSpec CartPole::spec() const {
  const std::vector<double> high{2.0 * kMaxPosition, kInfinity, 2.0 * kMaxAngle, kInfinity};
  const std::vector<double> low{-high[0], -kInfinity, -high[2], -kInfinity};
  return {.name = "CartPole-v1",
          .observations = {{.name = "state", .shape = {4}, .low = low, .high = high}},
          .actions = {{.name = "push", .dtype = DType::i64, .low = {0}, .high = {1}}},
          .max_episode_steps = 500,
          .reward_low = 0.0,
          .reward_high = 1.0};
}

CartPole::State CartPole::start(RngStream& stream) const {
  State state;
  for (double& value : state) value = stream.uniform(-kStartRange, kStartRange);
  return state;
}

TaskStep CartPole::step(State& state, std::span<const Action> action, RngStream&) const {
  auto& [x, x_dot, theta, theta_dot] = state;
  const double force = action[0] == 1 ? kForce : -kForce;
  const double cosine = std::cos(theta);
  const double sine = std::sin(theta);
  constexpr double kPoleMoment = kPoleMass * kHalfLength;

  const double temp = (force + kPoleMoment * theta_dot * theta_dot * sine) / kTotalMass;
  const double theta_acceleration =
      (kGravity * sine - cosine * temp) /
      (kHalfLength * (4.0 / 3.0 - kPoleMass * cosine * cosine / kTotalMass));
  const double x_acceleration = temp - kPoleMoment * theta_acceleration * cosine / kTotalMass;

  x += kTimeStep * x_dot;
  x_dot += kTimeStep * x_acceleration;
  theta += kTimeStep * theta_dot;
  theta_dot += kTimeStep * theta_acceleration;
  return {.reward = 1.0, .terminated = std::abs(x) > kMaxPosition || std::abs(theta) > kMaxAngle};
}

void CartPole::observe(const State& state, Fields rows) const {
  std::transform(state.begin(), state.end(), rows.as<float>(0),
                 [](double value) { return static_cast<float>(value); });
}

bool CartPole::is_possible(const State& state) const {
  return std::all_of(state.begin(), state.end(), [](double value) { return std::isfinite(value); });
}

std::string CartPole::render(const State& state) const {
  constexpr int kWidth = 61;
  constexpr int kTrack = 9;      // row of the cart
  constexpr double kPole = 8.0;  // rows
  Canvas canvas(kWidth, kTrack + 3);
  const double column = (state[0] / kMaxPosition + 1.0) * 0.5 * (kWidth - 1);
  // A character is about twice as high as wide.
  canvas.line(column, kTrack - 1.0, column + 2.0 * kPole * std::sin(state[2]),
              kTrack - 1.0 - (kPole - 1.0) * std::cos(state[2]), '|');
  canvas.write(static_cast<int>(std::lround(column)) - 2, kTrack, "[o=o]");
  canvas.write(0, kTrack + 1, std::string(kWidth, '-'));
  canvas.write(0, kTrack + 2,
               "position " + fixed(state[0], 2) + " m   angle " +
                   fixed(state[2] * 180.0 / std::numbers::pi, 1) + " deg");
  return canvas.text();
}

}  // namespace rl
