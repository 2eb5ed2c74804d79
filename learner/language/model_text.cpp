#include "learner/language/model_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rl/core/error.h"

namespace rl {
namespace {

// tokenizer_config.json writes a special token as its text, or as an object around it.
std::string special_token(const nlohmann::json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return "";
  const nlohmann::json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return "";
}

}  // namespace

ModelText read_model_text(const language::ModelFolder& model, const std::string& where) {
  if (model.tokenizer_json.empty()) {
    throw Error({.where = where, .what = "the model has no tokenizer",
                 .expected = "tokenizer.json beside config.json"});
  }
  ModelText text{.tokenizer = text::Tokenizer::from_json(model.tokenizer_json,
                                                         where + "/tokenizer.json"),
                 .chat_template = model.chat_template, .stop_ids = model.stop_ids};
  const auto config = nlohmann::json::parse(model.tokenizer_config_json, nullptr, false);
  text.bos_token = special_token(config, "bos_token");
  text.eos_token = special_token(config, "eos_token");
  if (const auto id = text.tokenizer.id_of(text.eos_token)) text.eos_id = *id;
  if (text.eos_id < 0 && !text.stop_ids.empty()) text.eos_id = text.stop_ids.front();
  if (text.eos_id < 0) {
    throw Error({.where = where, .what = "no token ends a sequence",
                 .expected = "eos_token in tokenizer_config.json or eos_token_id in config.json"});
  }
  if (std::ranges::find(text.stop_ids, text.eos_id) == text.stop_ids.end()) {
    text.stop_ids.push_back(text.eos_id);
  }
  return text;
}

}  // namespace rl
