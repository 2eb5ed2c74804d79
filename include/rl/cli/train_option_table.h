// The options of a training run by the names users know them by.
#pragma once

#include <string>

#include "rl/cli/options.h"
#include "rl/learner/train_options.h"

namespace rl::cli {

// Every field of the options. `options` must outlive the table.
// Threads: pure functions of their arguments, as everything here.
OptionTable train_option_table(TrainOptions& options);

// The options as an INI text that read_train_config reads back to the same ones. `resume` is left
// out: it is a wish of one start, not a property of the run.
std::string train_config_text(const TrainOptions& options);

// Defaults overridden by the file. Throws Error naming file, line and what would be right.
TrainOptions read_train_config(const std::string& path);

// The configuration a run leaves in its folder.
inline constexpr const char* kRunConfigName = "config.ini";

}  // namespace rl::cli
