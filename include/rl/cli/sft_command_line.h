// The command line of `corral train --algo sft`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rl/cli/options.h"
#include "rl/learner/sft_options.h"

namespace rl::cli {

// Every field of the options by the name users know it by. `options` must outlive the table.
// Threads: pure functions of their arguments and the files named by them, as everything here.
OptionTable sft_option_table(SftOptions& options);

// As parse_train_command_line: later wins, of defaults, the resumed run's own configuration,
// --config FILE and the command line.
SftOptions parse_sft_command_line(const std::vector<std::string>& words);

// The options as an INI text for --config; without `resume`.
std::string sft_config_text(const SftOptions& options);

std::string sft_help(std::size_t width);

}  // namespace rl::cli
