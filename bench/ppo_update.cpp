// Time of one PPO update on CartPole's shapes (8 environments x 128 steps, two perceptrons
// 4-64-64): microseconds of processor time per minibatch and per update.
// Run: bench_ppo_update [repetitions]
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "learner/updates/ppo_optimiser.h"

namespace {

constexpr std::int64_t kSteps = 1024;

rl::EnvironmentSpec cart_pole_shapes() {
  rl::EnvironmentSpec spec{.name = "Shapes-v0"};
  spec.observations = {{.name = "state", .shape = {4}}};
  spec.actions = {{.name = "action", .dtype = rl::DType::i64, .low = {0.0}, .high = {1.0}}};
  return spec;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 50;
  const rl::EnvironmentSpec spec = cart_pole_shapes();
  const rl::PolicySpec policy;
  std::printf("%-16s %18s %14s\n", "minibatch size", "us per minibatch", "us per update");
  for (const std::size_t size : {std::size_t{64}, std::size_t{256}, std::size_t{1024}}) {
    rl::PpoOptions options;
    options.minibatch_size = size;
    rl::ActorCritic model({policy, spec, 0.0, 1}, at::kCPU);
    const rl::ActionScorer scorer(policy, spec, at::kCPU);
    rl::Adam adam(model.parameters(), {.epsilon = 1e-5, .max_gradient_norm = 0.5});
    rl::PpoOptimiser optimiser(options, model, adam, scorer);
    rl::PpoSteps steps;
    steps.observations = at::randn({kSteps, 4});
    steps.actions = at::randint(2, {kSteps, 1}, at::kLong);
    steps.batch = {at::randn({kSteps}) * 0.01 - 0.69, at::randn({kSteps}), at::randn({kSteps}),
                   at::randn({kSteps})};
    std::vector<double> times;
    for (int i = 0; i < repetitions; ++i) {
      const std::clock_t start = std::clock();
      optimiser.run(steps, 1e-4, rl::RngStream(1, rl::RngRole::minibatch, 0));
      times.push_back(1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    const double minibatches =
        static_cast<double>(options.epochs * optimiser.num_minibatches(kSteps));
    std::printf("%-16zu %18.1f %14.1f\n", size, median(times) / minibatches, median(times));
  }
  return 0;
}
