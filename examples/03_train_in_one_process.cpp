// Trains CartPole with two worker threads, without a command line or a second process.
#include <cstdio>
#include <exception>

#include "rl/envs/registry.h"
#include "rl/learner/train.h"

int main() {
  rl::TrainOptions options;
  options.environment = "CartPole-v1";
  options.worker_mode = "thread";
  options.endpoint = "inproc";
  options.num_workers = 2;
  options.total_steps = 60000;
  options.out = "runs/example-03";

  rl::TrainHooks hooks;
  hooks.log = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  try {
    const rl::TrainSummary summary = rl::train(options, rl::builtin_environments(), hooks);
    std::printf("mean return %.1f after %llu steps in %.1f s; see %s/report.html\n",
                summary.last_evaluation,
                static_cast<unsigned long long>(summary.environment_steps), summary.wall_seconds,
                summary.out.c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
