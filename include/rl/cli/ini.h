// Configuration files: INI texts read into, and written from, an option table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rl/cli/options.h"

namespace rl::cli {

// The assignments of an INI text: `name = value` lines, [section] lines that prefix the names
// below them with "section.", comments from a # or ; at the start of a word to the end of the
// line, "quoted values". `file` is shown in errors. Throws Error naming file and line when a line
// is none of these, or a section or name is not in the table.
// Threads: pure functions of their arguments, as everything here.
std::vector<Assignment> parse_ini(std::string_view text, const std::string& file,
                                  const OptionTable& table);

// The same for a file of at most 1 MiB. Throws Error when it cannot be read.
std::vector<Assignment> read_ini(const std::string& path, const OptionTable& table);

// Every saved option with its present value: those without a dot first, then a section for each
// prefix. Reads back to the same values. Throws Error when a text cannot be written in one line.
std::string to_ini(const OptionTable& table);

}  // namespace rl::cli
