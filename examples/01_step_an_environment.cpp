// Steps an environment by hand with random actions. Links envs and core only.
#include <array>
#include <cstdio>

#include "rl/core/rng.h"
#include "rl/envs/registry.h"

int main() {
  const auto environment = rl::make_environment("CartPole-v1");

  // The caller owns the rows; the environment writes into them.
  std::array<float, 4> observation{};
  std::int64_t action = 0;
  std::array<std::byte*, 1> observation_rows{reinterpret_cast<std::byte*>(observation.data())};
  std::array<const std::byte*, 1> action_rows{reinterpret_cast<const std::byte*>(&action)};

  rl::RngStream stream(/*run_seed=*/1, rl::RngRole::action, /*index=*/0);
  environment->reset(/*seed=*/42, rl::Fields(observation_rows));
  double episode_return = 0.0;
  rl::StepResult result;
  while (!result.ended()) {
    action = static_cast<std::int64_t>(stream.below(2));
    result = environment->step(rl::ConstFields(action_rows), rl::Fields(observation_rows));
    episode_return += static_cast<double>(result.reward);
  }
  std::printf("%s", environment->render().c_str());
  std::printf("return %.0f, %s\n", episode_return, result.terminated ? "terminated" : "truncated");
}
