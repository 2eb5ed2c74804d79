#include "apps/corral/command.h"
#include "apps/corral/learner_program.h"
#include "rl/cli/algorithm_choice.h"
#include "rl/cli/language_command_line.h"
#include "rl/cli/fine_tune_command_line.h"
#include "rl/cli/train_command_line.h"
#include "rl/envs/registry.h"

namespace rl::app {
namespace {

void check_options(cli::TrainCommand command, const std::vector<std::string>& words) {
  const std::string algorithm = cli::chosen_algorithm(words);
  if (cli::is_language_policy(words)) {
    cli::parse_language_command_line(command, words);
    return;
  }
  if (!cli::is_language_algorithm(algorithm)) {
    const TrainOptions options = cli::parse_train_command_line(command, words);
    if (options.spec_file.empty()) builtin_environments().find(options.environment);
    return;
  }
  if (command == cli::TrainCommand::learner) {
    throw Error({.where = cli::kCommandLine,
                 .what = algorithm + " has no environments for workers to step",
                 .remedy = "use corral train --algo " + algorithm});
  }
  cli::parse_fine_tune_command_line(words);
}

// Wrong options end here, without the wait for LibTorch; right ones go on in the learner's program.
int hand_over(cli::TrainCommand command, const char* name, const std::vector<std::string>& words) {
  understand([&] {
    check_options(command, words);
    return true;
  });
  continue_in_learner(name, words);
}

}  // namespace

int run_train(const std::vector<std::string>& words) {
  return hand_over(cli::TrainCommand::train, "train", words);
}

int run_learner(const std::vector<std::string>& words) {
  return hand_over(cli::TrainCommand::learner, "learner", words);
}

}  // namespace rl::app
