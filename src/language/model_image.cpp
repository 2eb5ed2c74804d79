#include "rl/language/model_image.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "rl/core/error.h"
#include "rl/formats/safetensors.h"
#include "rl/text/tokenizer.h"
#include "src/language/model_texts.h"

namespace rl::language {
namespace {

constexpr const char* kConfigKey = "corral.model_config";
constexpr const char* kTokenizerKey = "corral.tokenizer";
constexpr const char* kStopIdsKey = "corral.stop_ids";
constexpr const char* kChatTemplateKey = "corral.chat_template";
constexpr const char* kBosTokenKey = "corral.bos_token";
constexpr const char* kEosTokenKey = "corral.eos_token";

// The header holds the tokenizer: as JSON inside JSON it may double.
constexpr std::size_t kMaxHeaderBytes = std::size_t{512} << 20;
constexpr std::size_t kMostStopIds = 1024;

void require_stop_ids(const std::vector<std::int32_t>& ids, std::size_t vocabulary,
                      std::string_view where) {
  for (const std::int32_t id : ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < vocabulary) continue;
    throw Error({.where = std::string(where),
                 .what = "a stop id is outside the model's vocabulary",
                 .expected = "0 to " + std::to_string(vocabulary - 1),
                 .got = std::to_string(id)});
  }
}

std::string stop_ids_text(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (const std::int32_t id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

std::vector<std::int32_t> stop_ids_from(std::string_view text, std::string_view where) {
  std::vector<std::int32_t> ids;
  const char* next = text.data();
  const char* const end = next + text.size();
  while (next != end && ids.size() < kMostStopIds) {
    std::int32_t id = 0;
    const auto [rest, error] = std::from_chars(next, end, id);
    if (error != std::errc{} || (rest != end && (*rest != ',' || rest + 1 == end))) break;
    ids.push_back(id);
    next = rest == end ? end : rest + 1;
  }
  if (next == end) return ids;
  throw Error({.where = std::string(where),
               .what = std::string(kStopIdsKey) + " is malformed",
               .expected = "at most " + std::to_string(kMostStopIds) + " ids between commas",
               .got = "'" + std::string(text.substr(0, 80)) + "'"});
}

// What an image says beside its tensors.
class Metadata {
 public:
  Metadata(const std::map<std::string, std::string>& entries, std::string_view where)
      : entries_(entries), where_(where) {}

  const std::string& require(const char* key) const {
    const auto entry = entries_.find(key);
    if (entry != entries_.end()) return entry->second;
    throw Error({.where = where_,
                 .what = "it is not the image of a language model",
                 .expected = std::string("metadata '") + key + "'",
                 .got = "none of this name"});
  }
  std::string get(const char* key) const {
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? std::string() : entry->second;
  }

 private:
  const std::map<std::string, std::string>& entries_;
  std::string where_;
};

}  // namespace

Bytes write_model_image(const ModelImage& model) {
  constexpr std::string_view kWhere = "model image";
  validate(model.config);
  require_stop_ids(model.stop_ids, model.config.vocabulary, kWhere);
  const ModelWeights weights =
      ModelWeights(model.config, model.weights.tensors(), nullptr, kWhere).as(DType::f32);
  std::map<std::string, std::string> metadata{
      {kConfigKey, model_config_json(model.config, DType::f32)},
      {kTokenizerKey, model.tokenizer_json},
      {kStopIdsKey, stop_ids_text(model.stop_ids)}};
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) metadata[key] = text;
  };
  put(kChatTemplateKey, model.chat_template);
  put(kBosTokenKey, model.bos_token);
  put(kEosTokenKey, model.eos_token);
  return write_safetensors(weights.tensors(), metadata);
}

ModelImage read_model_image(std::shared_ptr<const Bytes> image, std::string_view where,
                            std::string_view known_tokenizer) {
  const SafetensorsView view(*image, where, kMaxHeaderBytes);
  const Metadata metadata(view.metadata(), where);
  const std::string prefix = std::string(where) + ", ";
  ModelImage model;
  model.config = parse_model_config(metadata.require(kConfigKey), prefix + kConfigKey);
  validate(model.config);
  model.tokenizer_json = metadata.require(kTokenizerKey);
  if (known_tokenizer.empty() || model.tokenizer_json != known_tokenizer) {
    check_tokenizer_ids(model.tokenizer_json, model.config.vocabulary, prefix + kTokenizerKey);
  }
  model.stop_ids = stop_ids_from(metadata.require(kStopIdsKey), where);
  require_stop_ids(model.stop_ids, model.config.vocabulary, where);
  model.chat_template = metadata.get(kChatTemplateKey);
  model.bos_token = metadata.get(kBosTokenKey);
  model.eos_token = metadata.get(kEosTokenKey);
  model.weights = ModelWeights(model.config, view.tensors(), std::move(image), where);
  return model;
}

}  // namespace rl::language
