#include "rl/cli/train_command_line.h"

#include <algorithm>

#include "rl/cli/train_option_table.h"
#include "rl/core/error.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

TrainOptions defaults_of(TrainCommand command) {
  TrainOptions options;
  if (command == TrainCommand::learner) options.num_workers = 0;
  return options;
}

// An option that would be read and then ignored is a mistake worth naming.
void reject_other_algorithm(const TrainOptions& options,
                            const std::vector<Assignment>& assignments) {
  for (const Assignment& assignment : assignments) {
    const std::size_t dot = assignment.name.find('.');
    if (dot == std::string::npos || assignment.name.substr(0, dot) == options.algorithm) continue;
    throw Error({.where = assignment.where,
                 .what = "option --" + assignment.name + " has no effect on " + options.algorithm,
                 .remedy = "remove it, or choose --algo " + assignment.name.substr(0, dot)});
  }
}

// Nobody who asks for one environment means two workers.
void limit_default_workers(TrainOptions& options) {
  const bool is_default = options.num_workers == TrainOptions{}.num_workers;
  if (is_default) options.num_workers = std::min(options.num_workers, options.num_environments);
}

void check_learner(const TrainOptions& options) {
  if (options.bind.empty()) {
    throw Error({.where = kCommandLine,
                 .what = "a learner must say where its workers find it",
                 .expected = "--bind URL",
                 .remedy = "e.g. corral learner --bind tcp://0.0.0.0:5555 --keys DIR"});
  }
  if (options.num_workers > 0) {
    throw Error({.where = kCommandLine,
                 .what = "corral learner starts no workers of its own",
                 .remedy = "use corral train --workers " + std::to_string(options.num_workers) +
                           " --bind URL"});
  }
}

constexpr const char* kTrainIntroduction =
    "corral train: trains a policy and leaves everything about the run in a folder.\n"
    "\n"
    "Usage: corral train [--config FILE.ini] [--NAME VALUE]...\n"
    "\n"
    "Solve CartPole with four worker processes, stopping as soon as it is solved:\n"
    "  corral train --env CartPole-v1 --workers 4 --stop-return 475 --out runs/cartpole\n"
    "\n"
    "Start from a tuned file, change one setting, and take the run up again after Ctrl-C:\n"
    "  corral train --config configs/dqn-mountaincar.ini --seed 7 --out runs/car\n"
    "  corral train --resume --out runs/car\n"
    "\n"
    "Fine-tune a language model; that has options of its own:\n"
    "  corral train --algo sft --help      (and rm, dpo)\n"
    "  corral train --algo grpo --help\n"
    "  corral train --algo ppo --help --model\n";

constexpr const char* kLearnerIntroduction =
    "corral learner: corral train without local workers: waits for workers on other hosts.\n"
    "\n"
    "Usage: corral learner --bind URL [--slots N] [--config FILE.ini] [--NAME VALUE]...\n"
    "\n"
    "Serve two workers on this machine, started by hand in other terminals:\n"
    "  corral learner --bind tcp://127.0.0.1:5555 --slots 2 --env Pendulum-v1 --out runs/pendulum\n"
    "  corral worker --connect tcp://127.0.0.1:5555\n"
    "\n"
    "Serve workers on other hosts; off this machine, keys are required:\n"
    "  corral keygen keys\n"
    "  corral learner --bind tcp://0.0.0.0:5555 --keys keys --slots 8 --out runs/wide\n";

}  // namespace

TrainOptions parse_train_command_line(TrainCommand command,
                                      const std::vector<std::string>& words) {
  const bool learner = command == TrainCommand::learner;
  const auto itself = [](const TrainOptions& options) -> const TrainOptions& { return options; };
  const auto without_workers = [&](TrainOptions& options) {
    if (learner) options.num_workers = 0;
  };
  auto [options, typed] =
      parse_layered(words, defaults_of(command), train_option_table, itself, without_workers);
  limit_default_workers(options);
  reject_other_algorithm(options, typed);
  if (learner) check_learner(options);
  validate(options);
  return options;
}

std::string train_help(TrainCommand command, std::size_t width) {
  const bool learner = command == TrainCommand::learner;
  return run_help(learner ? kLearnerIntroduction : kTrainIntroduction, defaults_of(command),
                  train_option_table, width);
}

}  // namespace rl::cli
