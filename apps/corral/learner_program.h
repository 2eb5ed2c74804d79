// The way from corral to corral-learner, the program that links LibTorch.
#pragma once

#include <string>
#include <vector>

namespace rl::app {

// Becomes `corral-learner NAME WORDS...`. Throws Error when it cannot be started.
[[noreturn]] void continue_in_learner(const std::string& name,
                                      const std::vector<std::string>& words);

}  // namespace rl::app
