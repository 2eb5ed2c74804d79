// The command lines of `corral train --algo grpo` and its relatives, and of `corral learner` with
// them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rl/cli/options.h"
#include "rl/cli/train_command_line.h"
#include "rl/learner/language_train_options.h"

namespace rl::cli {

// The options as the algorithm of this name has them before anybody changes any.
LanguageTrainOptions language_defaults(const std::string& algorithm);

// Every field of the options by the name users know it by. `options` must outlive the table.
// Threads: pure functions of their arguments and the files named by them, as everything here.
OptionTable language_option_table(LanguageTrainOptions& options);

// As parse_train_command_line: later wins, of the algorithm's preset, the resumed run's own
// configuration, --config FILE and the command line.
LanguageTrainOptions parse_language_command_line(TrainCommand command,
                                                 const std::vector<std::string>& words);

// The options as an INI text for --config; without `resume`.
std::string language_config_text(const LanguageTrainOptions& options);

// --help, with the defaults of the algorithm of this name.
std::string language_help(const std::string& algorithm, std::size_t width);

}  // namespace rl::cli
