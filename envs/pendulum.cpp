#include "envs/pendulum.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "envs/canvas.h"

namespace rl {
namespace {

using std::numbers::pi;

constexpr double kGravity = 10.0;    // m/s^2
constexpr double kMass = 1.0;        // kg
constexpr double kLength = 1.0;      // m
constexpr double kTimeStep = 0.05;   // s
constexpr double kMaxSpeed = 8.0;    // rad/s
constexpr double kMaxTorque = 2.0;   // N m
constexpr double kStartSpeed = 1.0;  // rad/s

double normalised(double angle) {  // to [-pi, pi)
  const double turned = std::fmod(angle + pi, 2 * pi);
  return (turned < 0 ? turned + 2 * pi : turned) - pi;
}

}  // namespace

EnvironmentSpec Pendulum::spec() const {
  const double lowest = -(pi * pi + 0.1 * kMaxSpeed * kMaxSpeed + 0.001 * kMaxTorque * kMaxTorque);
  return {.name = "Pendulum-v1",
          .observations = {{.name = "state",
                            .shape = {3},
                            .low = {-1.0, -1.0, -kMaxSpeed},
                            .high = {1.0, 1.0, kMaxSpeed}}},
          .actions = {{.name = "torque", .shape = {1}, .low = {-kMaxTorque}, .high = {kMaxTorque}}},
          .max_episode_steps = 200,
          .reward_low = lowest,
          .reward_high = 0.0};
}

Pendulum::State Pendulum::start(RngStream& stream) const {
  const double angle = stream.uniform(-pi, pi);
  return {angle, stream.uniform(-kStartSpeed, kStartSpeed)};
}

TaskStep Pendulum::step(State& state, std::span<const Action> action, RngStream&) const {
  auto& [angle, velocity] = state;
  const double torque = action[0];
  const double from_upright = normalised(angle);
  const double cost =
      from_upright * from_upright + 0.1 * velocity * velocity + 0.001 * torque * torque;
  velocity += (3 * kGravity / (2 * kLength) * std::sin(angle) +
               3.0 / (kMass * kLength * kLength) * torque) *
              kTimeStep;
  velocity = std::clamp(velocity, -kMaxSpeed, kMaxSpeed);
  angle += velocity * kTimeStep;
  return {.reward = -cost, .terminated = false};
}

void Pendulum::observe(const State& state, Fields rows) const {
  float* row = rows.as<float>(0);
  row[0] = static_cast<float>(std::cos(state[0]));
  row[1] = static_cast<float>(std::sin(state[0]));
  row[2] = static_cast<float>(state[1]);
}

bool Pendulum::is_possible(const State& state) const {
  return std::isfinite(state[0]) && std::abs(state[1]) <= kMaxSpeed;
}

std::string Pendulum::render(const State& state) const {
  constexpr int kWidth = 37;
  constexpr int kHeight = 17;
  const double column = (kWidth - 1) / 2.0;
  const double row = (kHeight - 1) / 2.0;
  Canvas canvas(kWidth, kHeight + 1);
  // Positive angles turn counter-clockwise; a character is about twice as high as wide.
  canvas.line(column, row, column - 16.0 * std::sin(state[0]), row - 8.0 * std::cos(state[0]), '#');
  canvas.put(static_cast<int>(column), static_cast<int>(row), 'O');
  canvas.write(0, kHeight,
               "angle " + fixed(normalised(state[0]) * 180.0 / pi, 1) + " deg   velocity " +
                   fixed(state[1], 2) + " rad/s");
  return canvas.text();
}

}  // namespace rl
