// Model directories for tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "rl/language/model_files.h"

namespace rl::tests {

// tests/golden/language/models/<name>
inline std::filesystem::path golden_model(const std::string& name) {
  return std::filesystem::path(RL_TEST_DATA) / "golden/language/models" / name;
}

// Where data lies that is not part of the project; it may be absent.
inline std::filesystem::path outside_data() {
  const char* named = std::getenv("CORRAL_DATA");
  return named != nullptr ? std::filesystem::path(named)
                          : std::filesystem::path(RL_TEST_DATA) / "../../shared/data";
}

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void put_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A copy of a golden model that a test may spoil.
inline void copy_golden(const std::string& name, const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(golden_model(name))) {
    if (entry.path().filename() == "expected.json") continue;
    std::filesystem::copy_file(entry.path(), to / entry.path().filename());
  }
}

// The two sizes that shapes come from differ, so that a transposed matrix shows.
inline language::ModelConfig tiny_config(language::Family family) {
  using language::Family;
  const bool gpt2 = family == Family::gpt2;
  language::ModelConfig config;
  config.family = family;
  config.vocabulary = 11;
  config.hidden = 8;
  config.layers = 2;
  config.query_heads = 2;
  config.key_value_heads = gpt2 ? 2 : 1;
  config.head_dim = 4;
  config.intermediate = 6;
  config.context = 16;
  config.qkv_bias = gpt2 || family == Family::qwen2;
  config.output_bias = config.mlp_bias = config.learned_positions = gpt2;
  config.gated_mlp = !gpt2;
  config.norm = gpt2 ? language::Norm::layer : language::Norm::rms;
  config.activation = gpt2 ? language::Activation::gelu_tanh : language::Activation::silu;
  config.query_key_norm = family == Family::qwen3;
  config.bos_ids = {1};
  config.eos_ids = {2};
  return config;
}

inline language::ModelFolder tiny_model(language::Family family, std::uint64_t seed = 1) {
  language::ModelFolder model;
  model.config = tiny_config(family);
  model.weights = language::random_weights(model.config, seed);
  return model;
}

}  // namespace rl::tests
