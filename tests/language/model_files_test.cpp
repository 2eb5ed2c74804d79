#include "rl/language/model_files.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "rl/core/error.h"

namespace {

using namespace rl::language;
namespace fs = std::filesystem;

// Where the data that is not part of the project lies.
fs::path test_data() {
  const char* named = std::getenv("CORRAL_DATA");
  return named != nullptr ? fs::path(named) : fs::path(RL_TEST_DATA) / "../../shared/data";
}

TEST_SUITE_BEGIN("model files");

TEST_CASE("a trained Llama in Hugging Face layout is loaded") {
  const fs::path folder = test_data() / "stories260k";
  if (!fs::exists(folder)) {
    MESSAGE("skipped: there is no " << folder.string());
    return;
  }
  const ModelFolder model = load_model(folder);
  CHECK(model.config.family == Family::llama);
  CHECK(model.config.layers == 5);
  CHECK(model.config.key_value_heads == 4);
  CHECK(model.config.tied_head);
  CHECK(parameter_count(model.config) == 260032);
  CHECK(model.stop_ids == std::vector<std::int32_t>{2});
  CHECK(model.weights.tensors().front().name == "model.embed_tokens.weight");
  CHECK(to_f32(model.weights.require("model.norm.weight")).size() == 64);
  CHECK(model.chat_template.empty());
  CHECK_FALSE(model.tokenizer_json.empty());
}

TEST_SUITE_END();

}  // namespace
