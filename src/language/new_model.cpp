#include "rl/language/new_model.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "rl/core/error.h"
#include "rl/text/tokenizer.h"
#include "src/language/json_text.h"
#include "src/language/model_texts.h"

namespace rl::language {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kByteChatTemplate =
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

std::string byte_tokenizer_config(std::size_t context) {
  return ordered_json({{"bos_token", "<|bos|>"},
                       {"clean_up_tokenization_spaces", false},
                       {"eos_token", "<|eos|>"},
                       {"model_max_length", context},
                       {"pad_token", "<|pad|>"},
                       {"tokenizer_class", "PreTrainedTokenizerFast"}})
             .dump(2) +
         "\n";
}

std::size_t default_intermediate(const NewModel& wanted) {
  if (wanted.family == Family::gpt2) return 4 * wanted.hidden;
  return (8 * wanted.hidden / 3 + 31) / 32 * 32;
}

void refuse_for_gpt2(const NewModel& wanted) {
  const bool grouped = wanted.kv_heads != 0 && wanted.kv_heads != wanted.heads;
  const bool own_width = wanted.head_dim != 0 && wanted.head_dim * wanted.heads != wanted.hidden;
  if (!grouped && !own_width) return;
  throw Error({.where = "new model",
               .what = grouped ? "GPT-2 has no grouped heads"
                               : "GPT-2 has no head width of its own",
               .expected = grouped ? "as many key/value heads as heads" : "hidden / heads",
               .got = std::to_string(grouped ? wanted.kv_heads : wanted.head_dim),
               .remedy = "leave the option out, or choose another family"});
}

ModelConfig config_of(const NewModel& wanted) {
  ModelConfig config;
  config.family = wanted.family;
  config.hidden = wanted.hidden;
  config.layers = wanted.layers;
  config.query_heads = wanted.heads;
  config.key_value_heads = wanted.kv_heads != 0 ? wanted.kv_heads : wanted.heads;
  config.head_dim = wanted.head_dim;
  if (config.head_dim == 0 && wanted.heads > 0 && wanted.hidden % wanted.heads == 0) {
    config.head_dim = wanted.hidden / wanted.heads;
  }
  if (config.head_dim == 0) {
    throw Error({.where = "new model",
                 .what = "heads do not divide the hidden size",
                 .expected = "a divisor of " + std::to_string(wanted.hidden),
                 .got = std::to_string(wanted.heads),
                 .remedy = "change one of them"});
  }
  config.intermediate =
      wanted.intermediate != 0 ? wanted.intermediate : default_intermediate(wanted);
  config.context = wanted.context;
  config.tied_head = wanted.tied_head;
  if (wanted.family == Family::gpt2) {
    refuse_for_gpt2(wanted);
    config.norm = Norm::layer;
    config.activation = Activation::gelu_tanh;
    config.gated_mlp = false;
    config.qkv_bias = config.output_bias = config.mlp_bias = config.learned_positions = true;
  } else if (wanted.family != Family::llama) {
    config.norm_epsilon = 1e-6F;
    config.rope.theta = 1e6;
    config.qkv_bias = wanted.family == Family::qwen2;
    config.query_key_norm = wanted.family == Family::qwen3;
  }
  return config;
}

// The id of a special token that tokenizer_config.json names, by its text or an object with it.
std::optional<std::int32_t> named_id(const text::Tokenizer& tokenizer, const json& config,
                                     const char* key) {
  json token = config.value(key, json());
  if (token.is_object()) token = token.value("content", json());
  if (!token.is_string()) return std::nullopt;
  return tokenizer.id_of(token.get_ref<const std::string&>());
}

}  // namespace

ModelFolder make_model(const NewModel& wanted) {
  const bool bytes = wanted.tokenizer_json.empty();
  ModelFolder model;
  model.config = config_of(wanted);
  model.tokenizer_json = bytes ? text::byte_tokenizer_json() : wanted.tokenizer_json;
  model.tokenizer_config_json =
      bytes ? byte_tokenizer_config(wanted.context) : wanted.tokenizer_config_json;
  const auto tokenizer = text::Tokenizer::from_json(model.tokenizer_json, kTokenizerName);
  model.config.vocabulary = tokenizer.vocabulary_size();
  ordered_json generation = ordered_json::object();
  if (!model.tokenizer_config_json.empty()) {
    const json config = parse_json_object(model.tokenizer_config_json, kTokenizerConfigName);
    const auto take = [&](const char* token, const char* key, std::vector<std::int32_t>* ids) {
      const auto id = named_id(tokenizer, config, token);
      if (!id) return;
      generation[key] = *id;
      if (ids != nullptr) ids->push_back(*id);
    };
    take("bos_token", "bos_token_id", &model.config.bos_ids);
    take("eos_token", "eos_token_id", &model.config.eos_ids);
    take("pad_token", "pad_token_id", nullptr);
    model.chat_template = template_of(model.tokenizer_config_json, kTokenizerConfigName);
  }
  if (bytes) model.chat_template = kByteChatTemplate;
  model.generation_config_json = generation.dump(2) + "\n";
  model.stop_ids = model.config.eos_ids;
  model.weights = random_weights(model.config, wanted.seed);
  return model;
}

}  // namespace rl::language
