// Low-rank adapters in PEFT's files: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <filesystem>
#include <string_view>

#include "rl/models/language_model.h"

namespace rl {

// Writes the model's adapters as PEFT does, in f32: tensor names
// "base_model.model.<module>.lora_A.weight" [rank, in] and "....lora_B.weight" [out, rank].
// `base_model` is what adapter_config.json names as base_model_name_or_path. Each file is replaced
// whole, the tensors first. Throws Error when the model has no adapters, when it is of the GPT-2
// family (its files fuse queries, keys and values, which adapters of their own cannot express), or
// when writing fails.
void save_adapters(const std::filesystem::path& folder, const LanguageModel& model,
                   std::string_view base_model);

// What adapter_config.json says: make the LanguageModel with it, then load_adapters. With
// use_rslora alpha is scaled so that alpha / rank is the factor. Throws Error naming the key for what is not
// supported: other kinds than LORA, trained biases, DoRA, ranks or alphas by layer, a part of the
// layers, modules saved whole, target modules given as a pattern.
LoraOptions read_lora_options(const std::filesystem::path& folder);

// Reads the tensors (f32, bf16 or f16) into the model's adapters. Throws Error when rank, scale or
// targets are not the model's, listing ALL tensors that are missing, superfluous or of another
// shape; the adapters keep their values then.
void load_adapters(const std::filesystem::path& folder, LanguageModel& model);

}  // namespace rl
