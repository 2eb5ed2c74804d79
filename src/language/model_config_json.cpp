#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "rl/language/model_config.h"
#include "src/language/json_text.h"

namespace rl::language {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::array<std::pair<const char*, Family>, 4> kFamilies = {{
    {"llama", Family::llama},
    {"qwen2", Family::qwen2},
    {"qwen3", Family::qwen3},
    {"gpt2", Family::gpt2},
}};

// How the names of transformers' classes with a head for labels end.
constexpr const char* kClassifier = "ForSequenceClassification";

// Keys of one JSON object. A null is an absent key, as in transformers.
class Keys {
 public:
  Keys(const json& object, std::string_view where, std::string path = "")
      : object_(object), where_(where), path_(std::move(path)) {}

  [[noreturn]] void fail(const std::string& key, const std::string& what,
                         const std::string& expected, const std::string& remedy) const {
    const json* value = find(key);
    throw Error({.where = where_,
                 .what = path_ + key + " " + what,
                 .expected = expected,
                 .got = value == nullptr ? "nothing" : brief(*value),
                 .remedy = remedy});
  }

  const json* find(const std::string& key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  std::size_t size(const std::string& key) const {
    const json* value = find(key);
    if (value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() > 0) {
      return value->get<std::size_t>();
    }
    fail(key, value == nullptr ? "is missing" : "is not a size", "a whole number of at least 1",
         "check the file");
  }
  std::size_t size_or(const std::string& key, std::size_t fallback) const {
    return find(key) == nullptr ? fallback : size(key);
  }
  double number_or(const std::string& key, double fallback) const {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_number() && std::isfinite(value->get<double>())) return value->get<double>();
    fail(key, "is not a number", "a number", "check the file");
  }
  double number(const std::string& key) const {
    if (find(key) == nullptr) fail(key, "is missing", "a number", "check the file");
    return number_or(key, 0.0);
  }
  bool flag_or(const std::string& key, bool fallback) const {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    fail(key, "is not a flag", "true or false", "check the file");
  }
  std::string text_or(const std::string& key, const std::string& fallback) const {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_string()) return value->get<std::string>();
    fail(key, "is not a text", "a text", "check the file");
  }
  std::vector<std::int32_t> ids(const std::string& key) const {
    std::vector<std::int32_t> ids;
    const json* value = find(key);
    if (value == nullptr) return ids;
    const json list = value->is_array() ? *value : json::array({*value});
    for (const json& id : list) {
      if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
        fail(key, "is not a token id", "an id, a list of ids, or null", "check the file");
      }
      ids.push_back(id.get<std::int32_t>());
    }
    return ids;
  }

  // Throws unless the flag has the value that the mathematics here has.
  void require_flag(const std::string& key, bool only) const {
    if (flag_or(key, only) == only) return;
    fail(key, "is not supported", only ? "true" : "false",
         "it would change the results: use another model");
  }
  void require_absent(const std::string& key, const std::string& meaning) const {
    if (find(key) == nullptr) return;
    fail(key, "is not supported: " + meaning, "no such key", "use a checkpoint without it");
  }
  const std::string& where() const { return where_; }

 private:
  const json& object_;
  std::string where_;
  std::string path_;
};

Family family_of(const Keys& keys) {
  const std::string type = keys.text_or("model_type", "");
  std::string known;
  std::vector<std::string> names;
  for (const auto& [name, family] : kFamilies) {
    if (type == name) return family;
    names.emplace_back(name);
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  const auto near = nearest_names(type, names, 1);
  keys.fail("model_type", "is a family of models that is not supported", "one of " + known,
            near.empty() ? "use a model of these families" : "the nearest is " + near[0]);
}

void set_activation(const Keys& keys, const std::string& key, ModelConfig& config) {
  const bool gpt2 = config.family == Family::gpt2;
  const std::string name = keys.text_or(key, gpt2 ? "gelu_new" : "silu");
  if (gpt2 && (name == "gelu_new" || name == "gelu_pytorch_tanh")) {
    config.activation = Activation::gelu_tanh;
  } else if (!gpt2 && (name == "silu" || name == "swish")) {
    config.activation = Activation::silu;
  } else {
    keys.fail(key, "is an activation that is not supported",
              gpt2 ? "gelu_new or gelu_pytorch_tanh" : "silu", "use another model");
  }
}

void refuse_sliding_window(const Keys& keys) {
  keys.require_flag("use_sliding_window", false);
  const json* types = keys.find("layer_types");
  if (types == nullptr) return;
  for (const json& type : *types) {
    if (type == "full_attention") continue;
    keys.fail("layer_types", "has attention that is not supported", "full_attention alone",
              "sliding windows would change the results: use another model");
  }
}

// What would change results in silence.
void refuse_unsupported(const Keys& keys) {
  keys.require_absent("quantization_config", "the tensors are quantised");
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    keys.require_absent(key, "this is a mixture of experts");
  }
  refuse_sliding_window(keys);
  if (keys.number_or("partial_rotary_factor", 1.0) != 1.0) {
    keys.fail("partial_rotary_factor", "is not supported", "1", "use another model");
  }
  keys.require_flag("is_encoder_decoder", false);
  keys.require_flag("add_cross_attention", false);
}

// Whether the model is a sequence classifier; it must have one label. Without either key the shape
// of its head tells.
bool has_scalar_head(const Keys& keys) {
  const json* names = keys.find("architectures");
  const bool classifier =
      names != nullptr && names->is_array() && std::ranges::any_of(*names, [](const json& name) {
        return name.is_string() && name.get_ref<const std::string&>().ends_with(kClassifier);
      });
  if (!classifier) return false;
  const json* labels = keys.find("id2label");
  const bool one = keys.size_or("num_labels", 1) == 1 && (labels == nullptr || labels->size() == 1);
  if (one) return true;
  keys.fail(labels == nullptr ? "num_labels" : "id2label", "is of a classifier of several labels",
            "one label: the score of a reward or value model", "use another model");
}

double magnitude(double factor, double scale) {
  return factor <= 1.0 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0;
}

void read_yarn(const Keys& keys, Rope& rope, std::size_t context) {
  // Without a factor, transformers takes the ratio of the contexts.
  if (keys.find("factor") == nullptr) {
    rope.factor = static_cast<double>(context) / static_cast<double>(rope.original_positions);
  }
  rope.beta_fast = keys.number_or("beta_fast", rope.beta_fast);
  rope.beta_slow = keys.number_or("beta_slow", rope.beta_slow);
  keys.require_flag("truncate", true);
  rope.attention_factor = keys.number_or("attention_factor", 0.0);
  const double scale = keys.number_or("mscale", 0.0);
  const double scale_all = keys.number_or("mscale_all_dim", 0.0);
  if (keys.find("attention_factor") == nullptr && scale != 0.0 && scale_all != 0.0) {
    rope.attention_factor = magnitude(rope.factor, scale) / magnitude(rope.factor, scale_all);
  }
}

RopeScaling scaling_of(const Keys& keys) {
  const char* key = keys.find("rope_type") != nullptr ? "rope_type" : "type";
  const std::string name = keys.text_or(key, "default");
  if (name == "default") return RopeScaling::none;
  if (name == "linear") return RopeScaling::linear;
  if (name == "llama3") return RopeScaling::llama3;
  if (name == "yarn") return RopeScaling::yarn;
  keys.fail(key, "is a scaling of rotary positions that is not supported",
            "one of default, linear, llama3, yarn", "use another model");
}

// rope_theta and rope_scaling (transformers 4) or rope_parameters (5); 5 prefers the former.
void read_rope(const Keys& keys, ModelConfig& config) {
  Rope& rope = config.rope;
  rope.theta = keys.number_or("rope_theta", rope.theta);
  const bool old = keys.find("rope_scaling") != nullptr && !keys.find("rope_scaling")->empty();
  const std::string key = old ? "rope_scaling" : "rope_parameters";
  const json* object = keys.find(key);
  if (object == nullptr) return;
  if (!object->is_object()) keys.fail(key, "is malformed", "an object", "check the file");
  const Keys scaling(*object, keys.where(), key + ".");
  for (const auto& [name, value] : object->items()) {
    if (value.is_object()) {
      scaling.fail(name, "is not supported: positions differ from layer to layer",
                   "one rotation for all layers", "use another model");
    }
  }
  if (scaling.number_or("partial_rotary_factor", 1.0) != 1.0) {
    scaling.fail("partial_rotary_factor", "is not supported", "1", "use another model");
  }
  rope.theta = scaling.number_or("rope_theta", rope.theta);
  rope.scaling = scaling_of(scaling);
  if (rope.scaling == RopeScaling::none) return;
  rope.factor = rope.scaling == RopeScaling::yarn ? scaling.number_or("factor", 1.0)
                                                  : scaling.number("factor");
  if (rope.scaling == RopeScaling::linear) return;
  const char* original = "original_max_position_embeddings";
  rope.original_positions =
      keys.size_or(original, scaling.size_or(original, config.context));
  if (rope.scaling == RopeScaling::yarn) return read_yarn(scaling, rope, config.context);
  rope.low_frequency_factor = scaling.number("low_freq_factor");
  rope.high_frequency_factor = scaling.number("high_freq_factor");
}

void read_gpt2(const Keys& keys, ModelConfig& config) {
  config.hidden = keys.size("n_embd");
  config.layers = keys.size("n_layer");
  config.query_heads = keys.size("n_head");
  config.key_value_heads = config.query_heads;
  if (config.hidden % config.query_heads != 0) {
    keys.fail("n_head", "does not divide n_embd", "a divisor of " + std::to_string(config.hidden),
              "check the file");
  }
  config.head_dim = config.hidden / config.query_heads;
  config.intermediate = keys.size_or("n_inner", 4 * config.hidden);
  config.context = keys.size(keys.find("n_positions") == nullptr ? "n_ctx" : "n_positions");
  config.norm = Norm::layer;
  config.norm_epsilon = static_cast<float>(keys.number_or("layer_norm_epsilon", 1e-5));
  config.gated_mlp = false;
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  config.learned_positions = true;
  config.tied_head = keys.flag_or("tie_word_embeddings", true);
  keys.require_flag("scale_attn_weights", true);
  keys.require_flag("scale_attn_by_inverse_layer_idx", false);
  set_activation(keys, "activation_function", config);
}

std::size_t head_dim_of(const Keys& keys, const ModelConfig& config) {
  constexpr std::size_t kQwen3HeadDim = 128;  // what an absent key means there
  if (keys.find("head_dim") != nullptr) return keys.size("head_dim");
  if (config.family == Family::qwen3) return kQwen3HeadDim;
  if (config.hidden % config.query_heads == 0) return config.hidden / config.query_heads;
  keys.fail("num_attention_heads", "does not divide hidden_size, and there is no head_dim",
            "a divisor of " + std::to_string(config.hidden), "check the file");
}

void read_llama_like(const Keys& keys, ModelConfig& config) {
  config.hidden = keys.size("hidden_size");
  config.layers = keys.size("num_hidden_layers");
  config.query_heads = keys.size("num_attention_heads");
  config.key_value_heads = keys.size_or("num_key_value_heads", config.query_heads);
  config.head_dim = head_dim_of(keys, config);
  config.intermediate = keys.size("intermediate_size");
  config.context = keys.size("max_position_embeddings");
  config.norm_epsilon = static_cast<float>(keys.number_or("rms_norm_eps", 1e-6));
  config.tied_head = keys.flag_or("tie_word_embeddings", false);
  const bool attention_bias =
      config.family != Family::qwen2 && keys.flag_or("attention_bias", false);
  config.qkv_bias = config.family == Family::qwen2 || attention_bias;
  config.output_bias = attention_bias;
  config.mlp_bias = config.family == Family::llama && keys.flag_or("mlp_bias", false);
  config.query_key_norm = config.family == Family::qwen3;
  set_activation(keys, "hidden_act", config);
  read_rope(keys, config);
}

ordered_json ids_json(const std::vector<std::int32_t>& ids) {
  if (ids.empty()) return nullptr;
  if (ids.size() == 1) return ids[0];
  return ids;
}

// The shortest decimal that reads back as this float: 1e-05, not 9.99999974e-06.
double decimal(float value) {
  char text[32];
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, static_cast<double>(value));
    if (std::strtof(text, nullptr) == value) break;
  }
  return std::strtod(text, nullptr);
}

ordered_json rope_scaling_json(const Rope& rope) {
  if (rope.scaling == RopeScaling::none) return nullptr;
  ordered_json scaling = {{"factor", rope.factor}};
  if (rope.scaling == RopeScaling::linear) {
    scaling["rope_type"] = "linear";
    return scaling;
  }
  scaling["original_max_position_embeddings"] = rope.original_positions;
  if (rope.scaling == RopeScaling::llama3) {
    scaling["low_freq_factor"] = rope.low_frequency_factor;
    scaling["high_freq_factor"] = rope.high_frequency_factor;
    scaling["rope_type"] = "llama3";
    return scaling;
  }
  scaling["beta_fast"] = rope.beta_fast;
  scaling["beta_slow"] = rope.beta_slow;
  if (rope.attention_factor > 0.0) scaling["attention_factor"] = rope.attention_factor;
  scaling["rope_type"] = "yarn";
  return scaling;
}

void write_gpt2(const ModelConfig& config, ordered_json& root) {
  root["n_embd"] = config.hidden;
  root["n_layer"] = config.layers;
  root["n_head"] = config.query_heads;
  root["n_inner"] = config.intermediate;
  root["n_positions"] = config.context;
  root["n_ctx"] = config.context;
  root["activation_function"] = "gelu_new";
  root["layer_norm_epsilon"] = decimal(config.norm_epsilon);
}

void write_llama_like(const ModelConfig& config, ordered_json& root) {
  root["hidden_size"] = config.hidden;
  root["num_hidden_layers"] = config.layers;
  root["num_attention_heads"] = config.query_heads;
  root["num_key_value_heads"] = config.key_value_heads;
  root["head_dim"] = config.head_dim;
  root["intermediate_size"] = config.intermediate;
  root["max_position_embeddings"] = config.context;
  root["hidden_act"] = "silu";
  root["rms_norm_eps"] = decimal(config.norm_epsilon);
  if (config.family != Family::qwen2) root["attention_bias"] = config.output_bias;
  if (config.family == Family::llama) root["mlp_bias"] = config.mlp_bias;
  root["rope_theta"] = config.rope.theta;
  root["rope_scaling"] = rope_scaling_json(config.rope);
}

std::string architecture_of(const ModelConfig& config) {
  const auto named = [&](const std::string& family) {
    return family + (config.scalar_head ? kClassifier : "ForCausalLM");
  };
  switch (config.family) {
    case Family::llama: return named("Llama");
    case Family::qwen2: return named("Qwen2");
    case Family::qwen3: return named("Qwen3");
    case Family::gpt2: return config.scalar_head ? named("GPT2") : "GPT2LMHeadModel";
  }
  return "";
}

const char* torch_name(DType dtype) {
  if (dtype == DType::f32) return "float32";
  if (dtype == DType::bf16) return "bfloat16";
  if (dtype == DType::f16) return "float16";
  throw Error({.where = "model_config_json",
               .what = "a model cannot have this element type",
               .expected = "f32, f16 or bf16",
               .got = std::string(name(dtype))});
}

}  // namespace

ModelConfig parse_model_config(std::string_view text, std::string_view where) {
  const json root = parse_json_object(text, where);
  const Keys keys(root, where);
  ModelConfig config;
  config.family = family_of(keys);
  refuse_unsupported(keys);
  config.scalar_head = has_scalar_head(keys);
  config.vocabulary = keys.size("vocab_size");
  config.bos_ids = keys.ids("bos_token_id");
  config.eos_ids = keys.ids("eos_token_id");
  config.family == Family::gpt2 ? read_gpt2(keys, config) : read_llama_like(keys, config);
  try {
    validate(config);
  } catch (const Error& error) {
    throw Error({.where = std::string(where), .what = error.what()});
  }
  return config;
}

std::string model_config_json(const ModelConfig& config, DType dtype) {
  ordered_json root;
  root["architectures"] = {architecture_of(config)};
  for (const auto& [name, family] : kFamilies) {
    if (family == config.family) root["model_type"] = name;
  }
  root["vocab_size"] = config.vocabulary;
  config.family == Family::gpt2 ? write_gpt2(config, root) : write_llama_like(config, root);
  root["tie_word_embeddings"] = config.tied_head;
  root["bos_token_id"] = ids_json(config.bos_ids);
  root["eos_token_id"] = ids_json(config.eos_ids);
  if (config.scalar_head) {  // how transformers writes num_labels = 1
    root["id2label"] = {{"0", "LABEL_0"}};
    root["label2id"] = {{"LABEL_0", 0}};
  }
  root["torch_dtype"] = torch_name(dtype);
  return root.dump(2) + "\n";
}

}  // namespace rl::language
