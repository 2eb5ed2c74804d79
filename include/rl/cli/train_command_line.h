// The command lines of `corral train` and `corral learner`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rl/learner/train_options.h"

namespace rl::cli {

// `learner` starts no workers of its own and must be told where remote ones find it (--bind).
enum class TrainCommand { train, learner };

// Later wins: defaults, the resumed run's own configuration (--resume), --config FILE, the command
// line. Throws Error for anything that is not understood, for an option of another algorithm than
// the chosen one on the command line, and for what validate() rejects.
// Threads: pure functions of their arguments and the files named by them, as everything here.
TrainOptions parse_train_command_line(TrainCommand command, const std::vector<std::string>& words);

// --help of the command.
std::string train_help(TrainCommand command, std::size_t width);

}  // namespace rl::cli
