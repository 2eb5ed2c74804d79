#include <ATen/ops/from_blob.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "rl/formats/safetensors.h"
#include "rl/language/model_weights.h"
#include "rl/models/lora.h"
#include "rl/models/state_dict.h"

namespace rl {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kConfigName = "adapter_config.json";
constexpr std::string_view kTensorsName = "adapter_model.safetensors";
constexpr std::size_t kMostConfigBytes = std::size_t{1} << 20;
constexpr std::size_t kMostHeaderBytes = std::size_t{8} << 20;

void require_adapters(const LanguageModel& model) {
  if (model.options().lora.rank == 0) {
    throw Error({.where = "LanguageModel", .what = "the model has no adapters",
                 .expected = "LanguageModelOptions::lora with a rank of at least 1",
                 .got = "rank 0"});
  }
  if (model.config().family == language::Family::gpt2) {
    throw Error({.where = "LanguageModel",
                 .what = "adapters of a GPT-2 model have no form in PEFT's files",
                 .expected = "llama, qwen2 or qwen3",
                 .remedy = "save snapshot(), the weights with the adapters merged in"});
  }
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& key,
                         const std::string& expected, const json& got) {
  throw Error({.where = path.string(), .what = "'" + key + "' is not supported",
               .expected = expected, .got = got.dump().substr(0, 200)});
}

// The value, or null when the key is absent.
json value_of(const json& config, const char* key) {
  const auto found = config.find(key);
  return found == config.end() ? json() : *found;
}

bool is_nothing(const json& value) {
  const bool is_collection = value.is_object() || value.is_array();
  return value.is_null() || value == false || (is_collection && value.empty());
}

json parsed_config(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, kMostConfigBytes);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  json config = json::parse(text, text + bytes.size(), nullptr, /*allow_exceptions=*/false);
  if (config.is_object()) return config;
  throw Error({.where = path.string(), .what = "the file does not hold a JSON object"});
}

void check_kind(const std::filesystem::path& path, const json& config) {
  if (const json kind = value_of(config, "peft_type"); kind != "LORA") {
    refuse(path, "peft_type", "LORA", kind);
  }
  if (const json bias = value_of(config, "bias"); !is_nothing(bias) && bias != "none") {
    refuse(path, "bias", "none", bias);
  }
  for (const char* key : {"use_dora", "rank_pattern", "alpha_pattern", "modules_to_save",
                          "layers_to_transform", "fan_in_fan_out", "lora_bias",
                          "target_parameters", "layer_replication", "use_qalora",
                          "alora_invocation_tokens"}) {
    if (const json value = value_of(config, key); !is_nothing(value)) {
      refuse(path, key, "nothing", value);
    }
  }
}

std::vector<std::string> targets_of(const std::filesystem::path& path, const json& config) {
  const json targets = value_of(config, "target_modules");
  std::set<std::string> names;  // sorted: PEFT writes a set in any order
  if (!targets.is_array() || targets.empty()) {
    refuse(path, "target_modules", "a list of module names", targets);
  }
  for (const json& target : targets) {
    if (!target.is_string()) refuse(path, "target_modules", "a list of module names", targets);
    names.insert(target.get<std::string>());
  }
  return {names.begin(), names.end()};
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

// Everything about the tensors that does not fit, or "".
std::string misfits(const SafetensorsView& image, const Parameters& parameters) {
  std::string text;
  const auto note = [&](const std::string& line) { text += (text.empty() ? "" : "; ") + line; };
  std::set<std::string> known;
  for (const ParameterSpec& spec : parameters.specs()) {
    const std::string name = std::string(kPrefix) + spec.name;
    known.insert(name);
    const TensorView* tensor = image.find(name);
    if (tensor == nullptr) {
      note(name + " is missing");
    } else if (tensor->shape != spec.shape) {
      note(name + " is " + shape_text(tensor->shape) + " instead of " + shape_text(spec.shape));
    } else if (!is_float(tensor->dtype)) {
      note(name + " is " + std::string(rl::name(tensor->dtype)));
    }
  }
  for (const TensorView& tensor : image.tensors()) {
    if (!known.contains(tensor.name)) note(tensor.name + " is superfluous");
  }
  return text;
}

}  // namespace

void save_adapters(const std::filesystem::path& folder, const LanguageModel& model,
                   std::string_view base_model) {
  require_adapters(model);
  const LoraOptions& lora = model.options().lora;
  StateDict state;
  model.parameters().put(state, std::string(kPrefix), model.parameters().values());
  const json config = {{"peft_type", "LORA"}, {"task_type", "CAUSAL_LM"},
                       {"base_model_name_or_path", std::string(base_model)}, {"r", lora.rank},
                       {"lora_alpha", lora.alpha}, {"target_modules", lora.targets},
                       {"lora_dropout", 0.0}, {"bias", "none"}, {"fan_in_fan_out", false},
                       {"use_rslora", false}, {"use_dora", false}, {"init_lora_weights", true},
                       {"inference_mode", true}, {"modules_to_save", nullptr},
                       {"layers_to_transform", nullptr}};
  const std::string text = config.dump(2) + "\n";
  make_folders(folder);
  write_file_atomically(folder / kTensorsName, state.write({{"format", "pt"}}));
  write_file_atomically(folder / kConfigName, std::as_bytes(std::span(text)));
}

LoraOptions read_lora_options(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kConfigName;
  const json config = parsed_config(path);
  check_kind(path, config);
  const json rank = value_of(config, "r");
  const json alpha = value_of(config, "lora_alpha");
  if (!rank.is_number_integer() || rank.get<std::int64_t>() < 1 ||
      rank.get<std::int64_t>() > (1 << 20)) {
    refuse(path, "r", "a rank of at least 1", rank);
  }
  if (!alpha.is_number() || !(alpha.get<double>() > 0.0)) {
    refuse(path, "lora_alpha", "a number above 0", alpha);
  }
  LoraOptions options{.rank = rank.get<std::int64_t>(), .alpha = alpha.get<double>(),
                      .targets = targets_of(path, config)};
  if (value_of(config, "use_rslora") == true) {
    options.alpha *= std::sqrt(static_cast<double>(options.rank));
  }
  return options;
}

void load_adapters(const std::filesystem::path& folder, LanguageModel& model) {
  require_adapters(model);
  const LoraOptions stored = read_lora_options(folder);
  const LoraOptions& lora = model.options().lora;
  if (stored.rank != lora.rank || stored.alpha != lora.alpha) {
    throw Error({.where = (folder / kConfigName).string(), .what = "adapters of another kind",
                 .expected = "rank " + std::to_string(lora.rank) + ", alpha " +
                             std::to_string(lora.alpha),
                 .got = "rank " + std::to_string(stored.rank) + ", alpha " +
                        std::to_string(stored.alpha),
                 .remedy = "make the model with read_lora_options of this folder"});
  }
  const std::filesystem::path path = folder / kTensorsName;
  Parameters& parameters = model.parameters();
  const auto bytes = static_cast<std::size_t>(parameters.num_parameters()) * sizeof(float);
  const Bytes image_bytes = read_file(path, bytes + kMostHeaderBytes);
  const SafetensorsView image(image_bytes, path.string(), kMostHeaderBytes);
  if (const std::string text = misfits(image, parameters); !text.empty()) {
    throw Error({.where = path.string(), .what = "tensors do not fit: " + text});
  }
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const TensorView& tensor = image.require(std::string(kPrefix) + parameters.specs()[i].name);
    std::vector<float> values = language::to_f32(tensor);
    parameters.value(i).copy_(at::from_blob(values.data(), tensor.shape, at::kFloat));
  }
}

}  // namespace rl
