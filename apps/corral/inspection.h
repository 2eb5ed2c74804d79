// Descriptions of what a run left on disk.
#pragma once

#include <filesystem>
#include <string>

namespace rl::app {

// The folder of a run, of a checkpoint or of a language model, or a safetensors file, as text for people.
// A damaged checkpoint is described as such. Throws Error when the path is none of these.
std::string inspect(const std::filesystem::path& path);

}  // namespace rl::app
