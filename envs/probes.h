// Probes: the smallest tasks that each need one more part of a learner to work. Run them in this
// order: the first that fails names the broken part. Optimal returns are exact.
#pragma once

#include <array>

#include "rl/envs/task.h"

namespace rl {

// Two numbers are state enough for most: [0] is what is seen, [1] the step.
struct ProbeBase {
  using State = std::array<double, 2>;
  using Action = std::int64_t;

  State start(RngStream&) const { return {0.0, 0.0}; }
  void observe(const State& state, Fields rows) const;  // f32 [1]: state[0]
  bool is_possible(const State& state) const;  // state[0] in {-1, 0, 1}, state[1] in {0, 1}
  std::string render(const State&) const { return {}; }
};

// One step, sees 0, reward 1 whatever it does. Needs: value loss and optimizer. Value 1.
struct ProbeConstantReward : ProbeBase {
  EnvironmentSpec spec() const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// One step, sees -1 or 1, reward is what it sees. Needs: the observation reaches the value network.
struct ProbeObservationReward : ProbeBase {
  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// Two steps, sees 0 then 1, reward 1 at the end. Needs: discounting. Values: discount, then 1.
struct ProbeDelayedReward : ProbeBase {
  EnvironmentSpec spec() const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// One step, sees 0, reward 1 for action 1 and -1 for action 0. Needs: advantage and policy loss.
struct ProbeActionReward : ProbeBase {
  EnvironmentSpec spec() const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// One step, sees -1 or 1, reward 1 when the action is 0 or 1 accordingly, else -1. Needs: the
// observation reaches the policy, and rows stay with their actions.
struct ProbeObservationActionReward : ProbeBase {
  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// One step, four arms that pay 1 with probability 0.2, 0.8, 0.4, 0.6, else 0. Needs: averaging over
// noise. Optimal expected return 0.8.
struct ProbeBandit : ProbeBase {
  static constexpr std::array<double, 4> kPayOdds{0.2, 0.8, 0.4, 0.6};

  EnvironmentSpec spec() const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
};

// The short corridor of Sutton and Barto, 2nd edition, example 13.1: three cells that look alike,
// in the middle one left and right are swapped; reward -1 per step. Needs: a policy that stays
// random. A fixed action never arrives; going right with probability p returns
// (2p - 4) / (p (1 - p)), at best -11.66 for p = 2 - sqrt(2).
struct ProbeStochasticOptimal : ProbeBase {
  EnvironmentSpec spec() const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;  // f32 [1]: always 1
  bool is_possible(const State& state) const;           // state[0] is the cell
};

// A password of five digits, reward 1 when all were right, else 0. Needs: exploration that keeps
// what it found; acting at random succeeds once in 32 episodes. Sees its guesses so far.
struct ProbeHardExploration {
  static constexpr std::array<std::int64_t, 5> kPassword{1, 0, 1, 1, 0};
  struct State {
    std::int64_t step;
    std::array<std::int64_t, 5> guesses;  // -1 or 1; 0: not yet
  };
  using Action = std::int64_t;

  EnvironmentSpec spec() const;
  State start(RngStream&) const { return {}; }
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
  std::string render(const State&) const { return {}; }
};

// One step, sees two digits (0 to 2 and 0 to 1, one-hot), reward 0.5 for each of two actions that
// repeats its digit. Needs: independent action heads of different sizes. Optimal return 1.
struct ProbeMultiDiscrete : ProbeBase {
  static constexpr std::array<std::int64_t, 2> kCategories{3, 2};

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;  // the digits
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
};

// One step, sees two numbers within [-0.5, 0.5], reward 1 minus the mean squared distance of
// action i to number i times kScale[i]. Needs: a Gaussian head, bounds per element, shrinking
// noise. Optimal return 1.
struct ProbeContinuous : ProbeBase {
  using Action = float;
  static constexpr std::array<double, 2> kScale{1.0, 2.0};  // bounds are -kScale to kScale

  EnvironmentSpec spec() const;
  State start(RngStream& stream) const;
  TaskStep step(State& state, std::span<const Action> action, RngStream& stream) const;
  void observe(const State& state, Fields rows) const;
  bool is_possible(const State& state) const;
};

}  // namespace rl
