// `corral train --algo grpo` and its relatives in the program that links LibTorch.
#pragma once

#include <string>
#include <vector>

#include "rl/cli/train_command_line.h"

namespace rl::app {

// Runs the training that the words ask for; an exit status.
int run_language(cli::TrainCommand command, const std::vector<std::string>& words);

}  // namespace rl::app
