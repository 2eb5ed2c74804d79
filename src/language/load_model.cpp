#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "src/language/json_text.h"
#include "src/language/mapped_file.h"
#include "src/language/model_texts.h"
#include "src/language/stored_layout.h"
#include "src/language/tensor_check.h"
#include "src/language/tensor_memory.h"

namespace rl::language {
namespace {

using std::filesystem::path;

constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxTokenizerBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxIndexBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxHeaderBytes = std::size_t{100} << 20;  // as the safetensors library
constexpr std::size_t kLeastAlignment = 4;

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

using Owners = std::vector<std::shared_ptr<const void>>;

struct Shard {
  std::string name;
  std::set<std::string> promised;  // tensors that the index says are here; empty: no index
};

std::vector<Shard> shards_of_index(const path& file) {
  std::vector<Shard> shards;
  for (auto& [name, tensors] : files_of_index(read_text(file, kMaxIndexBytes), file.string())) {
    shards.push_back({name, std::move(tensors)});
  }
  return shards;
}

std::vector<Shard> shards_of(const path& folder) {
  if (is_there(folder / kWeightsName)) return {{kWeightsName, {}}};
  if (is_there(folder / kIndexName)) return shards_of_index(folder / kIndexName);
  const bool pickled = is_there(folder / "pytorch_model.bin") ||
                       is_there(folder / "pytorch_model.bin.index.json");
  throw Error({.where = folder.string(),
               .what = "there are no weights",
               .expected = std::string(kWeightsName) + " or " + kIndexName,
               .got = pickled ? "pytorch_model.bin, a format that can hold code" : "neither",
               .remedy = pickled ? "convert it to safetensors" : "fetch the weights"});
}

void check_promises(const Shard& shard, const SafetensorsView& view, const std::string& where) {
  std::set<std::string> absent = shard.promised;
  for (const TensorView& tensor : view.tensors()) absent.erase(tensor.name);
  if (absent.empty()) return;
  throw Error({.where = where,
               .what = std::to_string(absent.size()) + " tensors that " + kIndexName +
                       " promises are not in this file",
               .got = "no " + brief_text(*absent.begin()),
               .remedy = "the files are of different downloads: fetch them again"});
}

// All tensors of the files, not copied.
std::vector<TensorView> stored_tensors(const path& folder, Owners& owners) {
  std::vector<TensorView> tensors;
  for (const Shard& shard : shards_of(folder)) {
    const path file = folder / shard.name;
    const auto mapped = std::make_shared<const MappedFile>(file);
    const SafetensorsView view(mapped->data(), file.string(), kMaxHeaderBytes);
    check_promises(shard, view, file.string());
    tensors.insert(tensors.end(), view.tensors().begin(), view.tensors().end());
    owners.push_back(mapped);
  }
  return tensors;
}

const TensorView* find(const std::vector<TensorView>& tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &TensorView::name);
  return found == tensors.end() ? nullptr : &*found;
}

// A tied head that is stored nevertheless must be the embedding: transformers would otherwise use
// both.
void drop_tied_head(const ModelConfig& config, std::vector<TensorView>& tensors,
                    const std::string& where) {
  const TensorView* head = find(tensors, "lm_head.weight");
  if (!config.tied_head || config.scalar_head || head == nullptr) return;
  const TensorView* embedding = find(tensors, stored_layout(config).front().stored.name);
  const bool same = embedding != nullptr && embedding->dtype == head->dtype &&
                    std::ranges::equal(embedding->data, head->data);
  if (embedding != nullptr && !same) {
    throw Error({.where = where,
                 .what = "lm_head.weight is stored and differs from the embedding",
                 .expected = "the same values, since tie_word_embeddings is true",
                 .remedy = "set tie_word_embeddings to false in config.json"});
  }
  tensors.erase(tensors.begin() + (head - tensors.data()));
}

// The stored tensors under their full names, without buffers and tied heads; checked.
std::vector<TensorView> known_tensors(const ModelConfig& config, std::vector<TensorView> tensors,
                                      const std::vector<StoredTensor>& layout,
                                      const std::string& where) {
  for (TensorView& tensor : tensors) tensor.name = stored_name(config, tensor.name);
  std::erase_if(tensors, [](const TensorView& tensor) { return tensor.name.empty(); });
  drop_tied_head(config, tensors, where);
  std::vector<ParameterSpec> expected;
  for (const StoredTensor& row : layout) expected.push_back(row.stored);
  check_tensors(tensors, expected, where);
  return tensors;
}

bool is_aligned(const TensorView& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.data.data()) % kLeastAlignment == 0;
}

std::size_t part_bytes(const ParameterSpec& part, DType dtype) {
  return num_elements(part.shape) * size_bytes(dtype);
}

// What is fused, transposed or badly aligned is copied; the rest stays in the file.
ModelWeights to_parameters(const ModelConfig& config, const std::vector<TensorView>& stored,
                           const std::vector<StoredTensor>& layout, Owners owners,
                           const std::string& where) {
  std::map<std::string_view, const TensorView*> by_name;
  for (const TensorView& tensor : stored) by_name[tensor.name] = &tensor;
  const auto stays = [&](const StoredTensor& row) {
    return row.is_plain() && is_aligned(*by_name.at(row.stored.name));
  };
  std::size_t bytes = 0;
  for (const StoredTensor& row : layout) {
    if (stays(row)) continue;
    for (const ParameterSpec& part : row.parts) {
      bytes += TensorMemory::padded(part_bytes(part, by_name.at(row.stored.name)->dtype));
    }
  }
  TensorMemory memory(bytes);
  std::vector<TensorView> tensors;
  for (const StoredTensor& row : layout) {
    const TensorView& tensor = *by_name.at(row.stored.name);
    if (stays(row)) {
      tensors.push_back({row.parts[0].name, tensor.dtype, row.parts[0].shape, tensor.data});
      continue;
    }
    std::vector<std::span<std::byte>> parts;
    for (const ParameterSpec& part : row.parts) {
      parts.push_back(memory.take(part_bytes(part, tensor.dtype)));
      tensors.push_back({part.name, tensor.dtype, part.shape, parts.back()});
    }
    split_stored(row, tensor.dtype, tensor.data, parts);
  }
  owners.push_back(memory.owner());
  return ModelWeights(config, std::move(tensors), std::make_shared<Owners>(std::move(owners)),
                      where);
}

ModelWeights load_weights(const path& folder, const ModelConfig& config) {
  Owners owners;
  const auto layout = stored_layout(config);
  const auto stored =
      known_tensors(config, stored_tensors(folder, owners), layout, folder.string());
  return to_parameters(config, stored, layout, std::move(owners), folder.string());
}

}  // namespace

ModelFolder load_model(const path& folder) {
  ModelFolder model;
  const path config = folder / kConfigName;
  model.config = parse_model_config(read_text(config, kMaxConfigBytes), config.string());
  model.weights = load_weights(folder, model.config);

  const path generation = folder / kGenerationConfigName;
  model.generation_config_json = read_text_if_there(generation, kMaxConfigBytes);
  if (!model.generation_config_json.empty()) {
    model.stop_ids = stop_ids_of(model.generation_config_json, generation.string());
  }
  if (model.stop_ids.empty()) model.stop_ids = model.config.eos_ids;

  const path tokenizer = folder / kTokenizerName;
  model.tokenizer_json = read_text_if_there(tokenizer, kMaxTokenizerBytes);
  if (!model.tokenizer_json.empty()) {
    check_tokenizer_ids(model.tokenizer_json, model.config.vocabulary, tokenizer.string());
  }
  const path tokenizer_config = folder / kTokenizerConfigName;
  model.tokenizer_config_json = read_text_if_there(tokenizer_config, kMaxConfigBytes);
  model.chat_template = read_text_if_there(folder / kChatTemplateName, kMaxConfigBytes);
  if (model.chat_template.empty() && !model.tokenizer_config_json.empty()) {
    model.chat_template = template_of(model.tokenizer_config_json, tokenizer_config.string());
  }
  return model;
}

}  // namespace rl::language
