// An environment whose steps take as long as its name says, like a simulator's: many worker
// processes of it use little of a machine, and how many steps arrive shows how many workers work.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "rl/core/error.h"
#include "rl/envs/registry.h"

namespace rl::tests {

class PacedEnvironment final : public Environment {
 public:
  PacedEnvironment(std::string name, std::chrono::milliseconds pace) : pace_(pace) {
    spec_.name = std::move(name);
    spec_.observations = {{.name = "time", .shape = {2}, .low = {0.0}, .high = {1.0}}};
    spec_.actions = {{.name = "move", .dtype = DType::i64, .low = {0.0}, .high = {1.0}}};
  }

  const EnvironmentSpec& spec() const override { return spec_; }
  void reset(std::uint64_t seed, Fields observation) override {
    step_ = 0;
    value_ = static_cast<float>(seed % 1000) / 1000.0F;
    observe(observation);
  }
  StepResult step(ConstFields, Fields observation) override {
    std::this_thread::sleep_for(pace_);
    ++step_;
    observe(observation);
    return {.reward = 1.0F, .terminated = step_ == kSteps};
  }

 private:
  static constexpr int kSteps = 50;
  void observe(Fields observation) const {
    float* const time = observation.as<float>(0);
    time[0] = static_cast<float>(step_) / kSteps;
    time[1] = value_;
  }

  EnvironmentSpec spec_;
  std::chrono::milliseconds pace_;
  int step_ = 0;
  float value_ = 0.0F;
};

// The built-in environments, and Paced-<n>ms-v0 for some n.
inline EnvironmentRegistry paced_environments() {
  EnvironmentRegistry registry = builtin_environments();
  for (const int pace : {1, 5, 20, 100}) {
    const std::string name = "Paced-" + std::to_string(pace) + "ms-v0";
    registry.add(name, "steps take " + std::to_string(pace) + " ms", [name, pace] {
      return std::make_unique<PacedEnvironment>(name, std::chrono::milliseconds(pace));
    });
  }
  return registry;
}

}  // namespace rl::tests
