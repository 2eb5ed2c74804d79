// Where options come from before the command line: the run to resume and a file.
#pragma once

#include <string>

#include "rl/cli/options.h"

namespace rl::cli {

struct OptionLayers {
  bool resume = false;
  std::string out{};     // the run to resume
  std::string config{};  // --config FILE; empty: none
};

// Sets what the resumed run's own configuration and then the file say. Throws Error when there is
// no run to resume, or a file says something that is not understood.
void set_layers(OptionTable& table, const OptionLayers& layers);

}  // namespace rl::cli
