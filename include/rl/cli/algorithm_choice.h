// Which algorithm a `corral train` is about: it decides which options there are.
#pragma once

#include <string>
#include <vector>

namespace rl::cli {

// --algo of the command line, else of --config FILE, else of the run to --resume, else ppo. Files
// that are not there are passed over: whoever parses the rest will tell.
// Throws Error for a name that is not an algorithm, with the nearest, and for a file that is there
// and cannot be read: a guess could be another algorithm.
// Threads: a pure function of its arguments and the files named by them.
std::string chosen_algorithm(const std::vector<std::string>& words);

// Whether it fine-tunes language models: no environments, no workers.
bool is_language_algorithm(const std::string& name);

// Whether these words are about a language model that learns by reinforcement, from texts that
// workers sample: chosen_algorithm is a name of such, and where it is one of environments too
// (ppo), the words, the file or the run to resume name a model, a task or data. Throws Error when
// they name an environment as well, and when a model is named but no algorithm.
bool is_language_policy(const std::vector<std::string>& words);

}  // namespace rl::cli
