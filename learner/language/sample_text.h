// A completion as one line for people.
#pragma once

#include <string>

namespace rl {

// Of the first of these JSON lines ("prompt", "completion", "score"): `"1+2=" -> "3" (score 1)`,
// long prompts begin and long completions end with "...", control characters are escaped. Empty
// without a line.
// Threads: a pure function.
std::string sample_text(const std::string& lines);

}  // namespace rl
