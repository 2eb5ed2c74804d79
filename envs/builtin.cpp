#include "envs/acrobot.h"
#include "envs/cartpole.h"
#include "envs/gridworld.h"
#include "envs/memory.h"
#include "envs/mountain_car.h"
#include "envs/pendulum.h"
#include "envs/probes.h"
#include "rl/envs/registry.h"

namespace rl {
namespace {

template <Task T>
std::unique_ptr<Environment> make() {
  return std::make_unique<TaskEnvironment<T>>();
}

std::unique_ptr<Environment> make_masked_gridworld() {
  return std::make_unique<TaskEnvironment<GridWorld>>(GridWorld{.has_mask = true});
}

EnvironmentRegistry make_builtin() {
  EnvironmentRegistry table;
  table.add("CartPole-v1", "balance a pole on a cart; discrete, 500 steps", make<CartPole>);
  table.add("Acrobot-v1", "swing a two-link arm up; discrete, 500 steps", make<Acrobot>);
  table.add("MountainCar-v0", "rock a weak car out of a valley; discrete, 200 steps",
            make<MountainCar>);
  table.add("MountainCarContinuous-v0", "the same valley; continuous, 999 steps",
            make<MountainCarContinuous>);
  table.add("Pendulum-v1", "swing a pendulum up and hold it; continuous, 200 steps",
            make<Pendulum>);
  table.add("GridWorld", "5 x 5 maze with known values; discrete", make<GridWorld>);
  table.add("GridWorldMasked", "the maze with forbidden moves masked", make_masked_gridworld);
  table.add("Memory", "answer with the cue of the first step; needs memory", make<Memory>);
  table.add("Probe-ConstantReward", "tests value loss and optimizer", make<ProbeConstantReward>);
  table.add("Probe-ObservationReward", "tests that observations reach the value",
            make<ProbeObservationReward>);
  table.add("Probe-DelayedReward", "tests discounting", make<ProbeDelayedReward>);
  table.add("Probe-ActionReward", "tests advantage and policy loss", make<ProbeActionReward>);
  table.add("Probe-ObservationActionReward", "tests that observations reach the policy",
            make<ProbeObservationActionReward>);
  table.add("Probe-Bandit", "tests averaging over noisy rewards", make<ProbeBandit>);
  table.add("Probe-StochasticOptimal", "tests policies that must stay random",
            make<ProbeStochasticOptimal>);
  table.add("Probe-HardExploration", "tests exploration: a password of five digits",
            make<ProbeHardExploration>);
  table.add("Probe-MultiDiscrete", "tests several action heads", make<ProbeMultiDiscrete>);
  table.add("Probe-Continuous", "tests Gaussian heads and action bounds", make<ProbeContinuous>);
  return table;
}

}  // namespace

const EnvironmentRegistry& builtin_environments() {
  static const EnvironmentRegistry table = make_builtin();
  return table;
}

}  // namespace rl
