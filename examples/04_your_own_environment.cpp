// Defines an environment, adds it to the registry and trains on it.
#include <cstdio>
#include <cstring>
#include <exception>

#include "rl/core/rng.h"
#include "rl/envs/registry.h"
#include "rl/learner/train.h"

namespace {

// A thermostat: keep the room near 20 degrees by switching the heating on or off.
class Thermostat final : public rl::Environment {
 public:
  const rl::EnvironmentSpec& spec() const override { return spec_; }

  void reset(std::uint64_t seed, rl::Fields observation) override {
    state_ = {.temperature = rl::RngStream(seed, rl::RngRole::environment, 0).uniform(10.0, 30.0)};
    observe(observation);
  }

  rl::StepResult step(rl::ConstFields action, rl::Fields observation) override {
    const bool heating = *action.as<std::int32_t>(0) == 1;
    state_.temperature += (heating ? 1.0 : 0.0) - 0.05 * (state_.temperature - 8.0);
    ++state_.steps;
    observe(observation);
    const double distance = state_.temperature - 20.0;
    return {.reward = static_cast<float>(-0.01 * distance * distance),
            .truncated = state_.steps == spec_.max_episode_steps};
  }

  std::optional<rl::Bytes> save_state() const override {
    rl::ByteWriter out;
    out.put(state_.temperature);
    out.put(state_.steps);
    return out.take();
  }

  void load_state(std::span<const std::byte> bytes) override {
    rl::ByteReader in(bytes, "thermostat state");
    State state;
    state.temperature = in.get<double>();
    state.steps = in.get<std::int64_t>();
    in.expect_end();
    state_ = state;
  }

 private:
  struct State {
    double temperature = 0.0;  // degrees Celsius
    std::int64_t steps = 0;
  };

  void observe(rl::Fields observation) const {
    *observation.as<float>(0) = static_cast<float>((state_.temperature - 20.0) / 10.0);
  }

  rl::EnvironmentSpec spec_{
      .name = "Thermostat",
      .observations = {{.name = "difference", .shape = {1}, .low = {-10}, .high = {10}}},
      .actions = {{.name = "heating", .dtype = rl::DType::i32, .low = {0}, .high = {1}}},
      .max_episode_steps = 100,
      .reward_low = -100.0,
      .reward_high = 0.0};
  State state_;
};

}  // namespace

int main() {
  rl::EnvironmentRegistry registry = rl::builtin_environments();
  registry.add("Thermostat", "keep a room at 20 degrees", [] { return std::make_unique<Thermostat>(); });

  rl::TrainOptions options;
  options.environment = "Thermostat";
  options.worker_mode = "thread";
  options.endpoint = "inproc";
  options.total_steps = 50000;
  options.out = "runs/example-04";
  options.ppo.learning_rate = 1e-3;
  try {
    const auto summary = rl::train(options, registry, {});
    std::printf("mean return %.2f after %llu steps in %.1f s\n", summary.last_evaluation,
                static_cast<unsigned long long>(summary.environment_steps), summary.wall_seconds);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
