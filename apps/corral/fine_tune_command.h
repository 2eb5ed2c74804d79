// `corral train --algo sft`, `rm` and `dpo` in the program that links LibTorch.
#pragma once

#include <string>
#include <vector>

namespace rl::app {

// Runs the training that the words ask for; an exit status.
int run_fine_tune(const std::vector<std::string>& words);

}  // namespace rl::app
