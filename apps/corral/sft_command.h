// `corral train --algo sft` in the program that links LibTorch.
#pragma once

#include <string>
#include <vector>

namespace rl::app {

// Runs the training that the words ask for; an exit status.
int run_sft(const std::vector<std::string>& words);

}  // namespace rl::app
