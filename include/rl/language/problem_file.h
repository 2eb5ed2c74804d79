// Problems from a file of JSON lines.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/text_tasks.h"

namespace rl::language {

struct ProblemFile {
  std::vector<TextProblem> problems{};
  std::size_t lines = 0;     // that are not blank
  std::size_t broken = 0;    // passed over
  std::string digest{};      // to_hex(digest(the file's bytes))
};

// A line is an object with "prompt" or "question" and with "answer" or "completion" (texts, or a
// number as the answer); without an answer it is "". Other keys are passed over, so that GSM8K's
// files are read as they are. At most 4 GiB.
// Throws Error for a missing file, one without a problem and, unless they are to be skipped, naming
// file and number of a line that is broken.
ProblemFile read_problem_file(const std::filesystem::path& file, bool skip_broken_lines);
// The same of a text; `where` is shown in errors.
ProblemFile problems_of_text(std::string_view text, const std::string& where,
                             bool skip_broken_lines);

}  // namespace rl::language
