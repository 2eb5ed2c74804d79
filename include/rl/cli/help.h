// The text of --help.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rl/cli/options.h"

namespace rl::cli {

// Groups of `--name VALUE  help (default VALUE unit)`, wrapped to `width` columns.
// Threads: pure functions of their arguments.
std::string option_help(const OptionTable& table, std::size_t width);

// Words of `text` in lines of at most `width` columns, all but the first indented.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace rl::cli
