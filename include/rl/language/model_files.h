// Hugging Face model directories: read, checked, written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "rl/formats/files.h"
#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"

namespace rl::language {

// What a directory holds beside the weights; texts are empty when the file is absent.
struct ModelFolder {
  ModelConfig config;
  ModelWeights weights;
  std::string generation_config_json{};
  std::string tokenizer_json{};
  std::string tokenizer_config_json{};
  std::string chat_template{};             // chat_template.jinja, or tokenizer_config.json's
  std::vector<std::int32_t> stop_ids{};    // eos of generation_config.json, else of config.json
};

// Reads config.json, model.safetensors or the shards that model.safetensors.index.json names
// (mapped, not copied, unless the family's layout needs it), and the texts above.
// Throws Error naming file and tensor: nothing is believed before it is checked, all missing, extra
// and misshaped tensors are listed at once. Absent tied heads are fine; known buffers of old files
// (attn.bias, rotary_emb.inv_freq) are skipped.
// A stored tied head must equal the embedding. A tokenizer with ids beyond the vocabulary is
// refused; a vocabulary padded beyond the tokenizer is not. Values that are not finite are loaded.
// Replacing the directory (save_model) leaves a loaded model as it was; shortening a mapped file in
// place ends the process that touches it (SIGBUS): never edit model files that are in use.
ModelFolder load_model(const std::filesystem::path& folder);

struct SaveOptions {
  DType dtype = DType::f32;                            // f32, f16 or bf16
  std::size_t shard_bytes = std::size_t{5} << 30;      // most bytes of tensors per file
};

// Writes a directory that transformers loads as this model. All of it appears or none: it is built
// beside `folder` and moved into place; an existing directory is replaced only when it is a model
// directory and holds nothing else. What load_model would refuse is refused, and so are values that
// the dtype would make infinite. Texts are written as they are; stop_ids come from them.
// Throws Error; after a failure the old directory is whole and nothing else is left (or, when only
// the parent folder's fsync failed, the new one stands). A killed save leaves `.<name>.partial`
// (or, where the file system cannot exchange two names, perhaps the old directory as
// `.<name>.old`); the next save puts that right. One writer per folder; readers at any time.
void save_model(const std::filesystem::path& folder, const ModelFolder& model,
                const SaveOptions& options = {}, FileSystem& files = posix_files());

}  // namespace rl::language
