#include "envs/acrobot.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "envs/canvas.h"

namespace rl {
namespace {

using State = Acrobot::State;
using std::numbers::pi;

constexpr double kTimeStep = 0.2;         // s
constexpr double kLength = 1.0;           // m, of the first link
constexpr double kCentre = 0.5;           // m, of mass along each link
constexpr double kMass = 1.0;             // kg, of each link
constexpr double kMoment = 1.0;           // kg m^2, of each link
constexpr double kGravity = 9.8;          // m/s^2
constexpr double kMaxVelocity1 = 4 * pi;  // rad/s
constexpr double kMaxVelocity2 = 9 * pi;
constexpr double kStartRange = 0.1;  // of every state variable

// Time derivative of the state under a torque: the book's equations of motion.
State derivative(const State& state, double torque) {
  const auto [theta1, theta2, velocity1, velocity2] = state;
  const double sine2 = std::sin(theta2);
  const double cosine2 = std::cos(theta2);
  const double d1 =
      kMass * kCentre * kCentre +
      kMass * (kLength * kLength + kCentre * kCentre + 2 * kLength * kCentre * cosine2) +
      2 * kMoment;
  const double d2 = kMass * (kCentre * kCentre + kLength * kCentre * cosine2) + kMoment;
  const double phi2 = kMass * kCentre * kGravity * std::cos(theta1 + theta2 - pi / 2);
  const double phi1 = -kMass * kLength * kCentre * velocity2 * velocity2 * sine2 -
                      2 * kMass * kLength * kCentre * velocity2 * velocity1 * sine2 +
                      (kMass * kCentre + kMass * kLength) * kGravity * std::cos(theta1 - pi / 2) +
                      phi2;
  const double acceleration2 =
      (torque + d2 / d1 * phi1 - kMass * kLength * kCentre * velocity1 * velocity1 * sine2 - phi2) /
      (kMass * kCentre * kCentre + kMoment - d2 * d2 / d1);
  const double acceleration1 = -(d2 * acceleration2 + phi1) / d1;
  return {velocity1, velocity2, acceleration1, acceleration2};
}

State moved(const State& state, double time, const State& rate) {
  State result = state;
  for (std::size_t i = 0; i < state.size(); ++i) result[i] += time * rate[i];
  return result;
}

State runge_kutta(const State& state, double torque) {
  const State k1 = derivative(state, torque);
  const State k2 = derivative(moved(state, kTimeStep / 2, k1), torque);
  const State k3 = derivative(moved(state, kTimeStep / 2, k2), torque);
  const State k4 = derivative(moved(state, kTimeStep, k3), torque);
  State sum;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i];
  return moved(state, kTimeStep / 6, sum);
}

double wrap_angle(double angle) {  // to [-pi, pi]; one step turns less than a few times around
  while (angle > pi) angle -= 2 * pi;
  while (angle < -pi) angle += 2 * pi;
  return angle;
}

double tip_height(const State& state) {  // m above the shoulder
  return -std::cos(state[0]) - std::cos(state[1] + state[0]);
}

}  // namespace

EnvironmentSpec Acrobot::spec() const {
  const std::vector<double> high{1, 1, 1, 1, kMaxVelocity1, kMaxVelocity2};
  std::vector<double> low;
  for (const double value : high) low.push_back(-value);
  return {.name = "Acrobot-v1",
          .observations = {{.name = "state", .shape = {6}, .low = low, .high = high}},
          .actions = {{.name = "torque", .dtype = DType::i64, .low = {0}, .high = {2}}},
          .max_episode_steps = 500,
          .reward_low = -1.0,
          .reward_high = 0.0};
}

// Rounded to f32, as Gymnasium does at a reset and nowhere else.
Acrobot::State Acrobot::start(RngStream& stream) const {
  State state;
  for (double& value : state) {
    value = static_cast<float>(stream.uniform(-kStartRange, kStartRange));
  }
  return state;
}

TaskStep Acrobot::step(State& state, std::span<const Action> action, RngStream&) const {
  state = runge_kutta(state, static_cast<double>(action[0] - 1));
  state[0] = wrap_angle(state[0]);
  state[1] = wrap_angle(state[1]);
  state[2] = std::clamp(state[2], -kMaxVelocity1, kMaxVelocity1);
  state[3] = std::clamp(state[3], -kMaxVelocity2, kMaxVelocity2);
  const bool reached = tip_height(state) > 1.0;
  return {.reward = reached ? 0.0 : -1.0, .terminated = reached};
}

void Acrobot::observe(const State& state, Fields rows) const {
  float* row = rows.as<float>(0);
  row[0] = static_cast<float>(std::cos(state[0]));
  row[1] = static_cast<float>(std::sin(state[0]));
  row[2] = static_cast<float>(std::cos(state[1]));
  row[3] = static_cast<float>(std::sin(state[1]));
  row[4] = static_cast<float>(state[2]);
  row[5] = static_cast<float>(state[3]);
}

bool Acrobot::is_possible(const State& state) const {
  return std::abs(state[0]) <= pi && std::abs(state[1]) <= pi &&
         std::abs(state[2]) <= kMaxVelocity1 && std::abs(state[3]) <= kMaxVelocity2;
}

std::string Acrobot::render(const State& state) const {
  constexpr int kWidth = 41;
  constexpr int kHeight = 19;
  constexpr double kRows = 4.0;     // per metre
  constexpr double kColumns = 9.0;  // per metre: a character is about twice as high as wide
  const double column0 = (kWidth - 1) / 2.0;
  const double row0 = kHeight / 2;
  const double column1 = column0 + kColumns * std::sin(state[0]);
  const double row1 = row0 + kRows * std::cos(state[0]);
  const double column2 = column1 + kColumns * std::sin(state[0] + state[1]);
  const double row2 = row1 + kRows * std::cos(state[0] + state[1]);
  Canvas canvas(kWidth, kHeight + 1);
  canvas.write(0, static_cast<int>(row0 - kRows), std::string(kWidth, '.'));
  canvas.line(column0, row0, column1, row1, '#');
  canvas.line(column1, row1, column2, row2, '*');
  canvas.put(static_cast<int>(column0), static_cast<int>(row0), 'O');
  canvas.put(static_cast<int>(std::lround(column1)), static_cast<int>(std::lround(row1)), 'o');
  canvas.write(0, kHeight, "tip " + fixed(tip_height(state), 2) + " m, goal above 1.00 m");
  return canvas.text();
}

}  // namespace rl
