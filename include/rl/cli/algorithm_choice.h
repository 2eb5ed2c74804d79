// Which algorithm a `corral train` is about: it decides which options there are.
#pragma once

#include <string>
#include <vector>

namespace rl::cli {

// --algo of the command line, else of --config FILE, else of the run to --resume, else ppo. Files
// that cannot be read are passed over: whoever parses the rest will tell.
// Throws Error for a name that is not an algorithm, with the nearest.
// Threads: a pure function of its arguments and the files named by them.
std::string chosen_algorithm(const std::vector<std::string>& words);

// Whether it fine-tunes language models: no environments, no workers.
bool is_language_algorithm(const std::string& name);

// Whether it trains language models by reinforcement: workers sample texts.
bool is_language_policy(const std::string& name);

}  // namespace rl::cli
