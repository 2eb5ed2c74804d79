// Low-rank adapters as PEFT reads them.
#pragma once

#include <filesystem>
#include <string>

#include "rl/models/language_model.h"

namespace rl {

// Writes adapter_config.json and adapter_model.safetensors; `base_model` is noted as what they
// belong to. Each file appears whole. Throws Error when they cannot be written.
// Threads: the model's.
void save_adapter(const std::filesystem::path& folder, LanguageModel& model,
                  const std::string& base_model);

}  // namespace rl
