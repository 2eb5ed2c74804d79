// The small files of a model directory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rl::language {

inline constexpr const char* kConfigName = "config.json";
inline constexpr const char* kGenerationConfigName = "generation_config.json";
inline constexpr const char* kTokenizerName = "tokenizer.json";
inline constexpr const char* kTokenizerConfigName = "tokenizer_config.json";
inline constexpr const char* kChatTemplateName = "chat_template.jinja";
inline constexpr const char* kWeightsName = "model.safetensors";
inline constexpr const char* kIndexName = "model.safetensors.index.json";

// The whole text. Throws Error when it is missing or longer than `max_bytes`.
std::string read_text(const std::filesystem::path& path, std::size_t max_bytes);
// Empty when there is no such file.
std::string read_text_if_there(const std::filesystem::path& path, std::size_t max_bytes);

// chat_template of a tokenizer_config.json: a text, or the one named "default" of a list.
std::string template_of(std::string_view tokenizer_config, std::string_view where);

// eos_token_id of a generation_config.json, a number or a list.
std::vector<std::int32_t> stop_ids_of(std::string_view generation_config, std::string_view where);

// weight_map of a model.safetensors.index.json turned over. Throws Error when it is missing, empty
// or names a file outside the folder.
using TensorsByFile = std::map<std::string, std::set<std::string>>;
TensorsByFile files_of_index(std::string_view index, std::string_view where);

// Throws Error when a tokenizer.json has ids that a model of this vocabulary lacks.
void check_tokenizer_ids(std::string_view tokenizer, std::size_t vocabulary,
                         std::string_view where);

}  // namespace rl::language
