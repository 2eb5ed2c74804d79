// Descriptions of language models on disk.
#pragma once

#include <filesystem>
#include <string>

namespace rl::app {

bool is_model_directory(const std::filesystem::path& path);

// A Hugging Face model directory as text for people; every tensor is read, and values that are not
// finite are counted. Throws Error when it cannot be loaded.
std::string model_text(const std::filesystem::path& folder);

}  // namespace rl::app
