// What was typed after a command's name.
#pragma once

#include <string>
#include <vector>

#include "rl/cli/options.h"

namespace rl::cli {

// Threads: plain values.
struct CommandLine {
  std::vector<Assignment> assignments;  // --name value, --name=value and --flag, in order
  std::vector<std::string> arguments;   // the rest, in order
};

// Splits the arguments by the table's options; a flag (bool) stands alone or takes true or false.
// Names are never guessed from a prefix. Throws Error for an unknown option (with the nearest),
// a missing value, and more than max_arguments other arguments.
CommandLine parse_command_line(const OptionTable& table, const std::vector<std::string>& words,
                               std::size_t max_arguments);

}  // namespace rl::cli
