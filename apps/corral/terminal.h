// The terminal and the host the program runs on.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>

namespace rl::app {

bool is_terminal(std::FILE* stream);

// Columns for help texts: the terminal's, within what reads well; 100 when it is not one.
std::size_t text_width();

// The folder this program lies in: its companions lie there too.
std::filesystem::path program_folder();

std::string host_name();

}  // namespace rl::app
