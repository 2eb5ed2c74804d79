#include "rl/cli/train_command_line.h"

#include <algorithm>

#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/train_option_table.h"
#include "rl/core/error.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

// The options and the file they may come from.
struct Request {
  TrainOptions options;
  std::string config{};
};

Request initial_request(TrainCommand command) {
  Request request;
  if (command == TrainCommand::learner) request.options.num_workers = 0;
  return request;
}

OptionTable request_table(Request& request) {
  OptionTable table = train_option_table(request.options);
  table.group("Configuration");
  table.add({"config", &request.config, "FILE", {},
             "read options from an INI file; the command line wins", {}, false});
  return table;
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
    "  corral train --algo sft --help\n"
    "  corral train --algo grpo --help\n";

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
  Request typed = initial_request(command);
  OptionTable typed_table = request_table(typed);
  const std::vector<Assignment> assignments =
      parse_command_line(typed_table, words, 0).assignments;
  typed_table.set_all(assignments);

  Request request = initial_request(command);
  OptionTable table = request_table(request);
  set_layers(table, {.resume = typed.options.resume, .out = typed.options.out,
                     .config = typed.config});
  if (command == TrainCommand::learner) request.options.num_workers = 0;
  table.set_all(assignments);
  limit_default_workers(request.options);
  reject_other_algorithm(request.options, assignments);
  if (command == TrainCommand::learner) check_learner(request.options);
  validate(request.options);
  return request.options;
}

std::string train_help(TrainCommand command, std::size_t width) {
  Request request = initial_request(command);
  const bool learner = command == TrainCommand::learner;
  return std::string(learner ? kLearnerIntroduction : kTrainIntroduction) + "\n" +
         option_help(request_table(request), width) +
         "\nNumbers may be written 100000, 100_000 or 1e5. A flag may be followed by true or "
         "false.\n"
         "Exit status: 0 the run ended by itself, 3 it was stopped and can be resumed, 1 it "
         "failed,\n"
         "2 an option was wrong, 130 or 143 it was stopped at once.\n";
}

}  // namespace rl::cli
