// The command lines of `corral train --algo sft`, `rm` and `dpo`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rl/cli/options.h"
#include "rl/learner/fine_tune_options.h"

namespace rl::cli {

// The fields that options.algorithm reads, by the names users know them by. `options` must outlive
// the table.
// Threads: pure functions of their arguments and the files named by them, as everything here.
OptionTable fine_tune_option_table(FineTuneOptions& options);

// As parse_train_command_line: later wins, of the algorithm's defaults, the resumed run's own
// configuration, --config FILE and the command line.
FineTuneOptions parse_fine_tune_command_line(const std::vector<std::string>& words);

// The options as an INI text for --config; without `resume`.
std::string fine_tune_config_text(const FineTuneOptions& options);

// Of the algorithm of this name.
std::string fine_tune_help(const std::string& algorithm, std::size_t width);

}  // namespace rl::cli
