#include "learner/language/adapter_files.h"

#include <nlohmann/json.hpp>

#include "rl/formats/files.h"
#include "rl/models/state_dict.h"

namespace rl {
namespace {

std::string config_json(const LoraOptions& lora, const std::string& base_model) {
  const nlohmann::ordered_json config = {
      {"peft_type", "LORA"},       {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", base_model},
      {"r", lora.rank},            {"lora_alpha", lora.alpha},
      {"target_modules", lora.targets},
      {"lora_dropout", 0.0},       {"bias", "none"},
      {"fan_in_fan_out", false},   {"inference_mode", true}};
  return config.dump(2) + "\n";
}

}  // namespace

void save_adapter(const std::filesystem::path& folder, LanguageModel& model,
                  const std::string& base_model) {
  StateDict tensors;
  Parameters& parameters = model.parameters();
  parameters.put(tensors, "base_model.model.", parameters.values());
  make_folders(folder);
  write_file_atomically(folder / "adapter_model.safetensors", tensors.write({{"format", "pt"}}));
  const std::string config = config_json(model.options().lora, base_model);
  write_file_atomically(folder / "adapter_config.json", std::as_bytes(std::span(config)));
}

}  // namespace rl
