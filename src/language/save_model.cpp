#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "src/language/element_types.h"
#include "src/language/model_texts.h"
#include "src/language/stored_layout.h"

namespace rl::language {
namespace {

using nlohmann::ordered_json;
using std::filesystem::path;

struct Shard {
  std::string name;
  std::vector<const StoredTensor*> tensors;
};

std::size_t stored_bytes(const StoredTensor& tensor, DType dtype) {
  return num_elements(tensor.stored.shape) * size_bytes(dtype);
}

// In order, as many to a file as fit; one that is too large has a file to itself.
std::vector<Shard> shards_of(const std::vector<StoredTensor>& layout, const SaveOptions& options) {
  std::vector<Shard> shards(1);
  std::size_t filled = 0;
  for (const StoredTensor& tensor : layout) {
    const std::size_t bytes = stored_bytes(tensor, options.dtype);
    if (filled > 0 && (bytes > options.shard_bytes || filled > options.shard_bytes - bytes)) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().tensors.push_back(&tensor);
    filled += bytes;
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    char name[64] = {};
    std::snprintf(name, sizeof(name), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    shards[i].name = shards.size() == 1 ? kWeightsName : name;
  }
  return shards;
}

std::string index_json(const std::vector<Shard>& shards, DType dtype) {
  std::size_t total = 0;
  std::map<std::string, std::string> files;
  for (const Shard& shard : shards) {
    for (const StoredTensor* tensor : shard.tensors) {
      files[tensor->stored.name] = shard.name;
      total += stored_bytes(*tensor, dtype);
    }
  }
  return ordered_json({{"metadata", {{"total_size", total}}}, {"weight_map", files}}).dump(2) + "\n";
}

// A shard piece by piece, so that one tensor is in memory at a time.
class ShardPieces {
 public:
  ShardPieces(const Shard& shard, const ModelWeights& weights, DType dtype)
      : shard_(shard), weights_(weights), dtype_(dtype) {}

  std::span<const std::byte> next() {
    if (!header_given_) {
      header_given_ = true;
      return buffer_ = header();
    }
    while (position_ < shard_.tensors.size()) {
      const auto piece = data_of(*shard_.tensors[position_++]);
      if (!piece.empty()) return piece;
    }
    return {};
  }

 private:
  Bytes header() const {
    std::vector<TensorLayout> layouts;
    for (const StoredTensor* tensor : shard_.tensors) {
      layouts.push_back({tensor->stored.name, dtype_, tensor->stored.shape});
    }
    return write_safetensors_header(layouts, {{"format", "pt"}});
  }

  std::span<const std::byte> data_of(const StoredTensor& tensor) {
    std::vector<Bytes> converted(tensor.parts.size());
    std::vector<std::span<const std::byte>> parts;
    for (std::size_t i = 0; i < tensor.parts.size(); ++i) {
      parts.push_back(in_dtype(weights_.require(tensor.parts[i].name), converted[i]));
    }
    if (tensor.is_plain()) {
      if (converted[0].empty()) return parts[0];
      return buffer_ = std::move(converted[0]);
    }
    buffer_.resize(stored_bytes(tensor, dtype_));
    join_stored(tensor, dtype_, parts, buffer_);
    return buffer_;
  }

  std::span<const std::byte> in_dtype(const TensorView& tensor, Bytes& converted) const {
    if (tensor.dtype == dtype_) return tensor.data;
    converted.resize(num_elements(tensor.shape) * size_bytes(dtype_));
    const std::size_t overflows = convert(tensor.data, tensor.dtype, converted, dtype_);
    if (overflows == 0) return converted;
    throw Error({.where = "save_model",
                 .what = "tensor " + tensor.name + " has values too large for " +
                         std::string(name(dtype_)),
                 .got = std::to_string(overflows) + " that would become infinite",
                 .remedy = "save as bf16 or f32"});
  }

  const Shard& shard_;
  const ModelWeights& weights_;
  DType dtype_;
  Bytes buffer_;
  bool header_given_ = false;
  std::size_t position_ = 0;
};

std::map<std::string, std::string> texts_of(const ModelFolder& model, DType dtype) {
  std::map<std::string, std::string> texts;
  texts[kConfigName] = model_config_json(model.config, dtype);
  texts[kGenerationConfigName] = model.generation_config_json;
  texts[kTokenizerName] = model.tokenizer_json;
  texts[kTokenizerConfigName] = model.tokenizer_config_json;
  const std::string held = model.tokenizer_config_json.empty()
                               ? ""
                               : template_of(model.tokenizer_config_json, kTokenizerConfigName);
  if (model.chat_template != held) texts[kChatTemplateName] = model.chat_template;
  std::erase_if(texts, [](const auto& entry) { return entry.second.empty(); });
  return texts;
}

// What load_model would refuse is refused here.
void check(const ModelFolder& model) {
  validate(model.config);
  ModelWeights(model.config, model.weights.tensors(), nullptr, "save_model");
  if (!model.tokenizer_json.empty()) {
    check_tokenizer_ids(model.tokenizer_json, model.config.vocabulary, kTokenizerName);
  }
  if (!model.generation_config_json.empty()) {
    stop_ids_of(model.generation_config_json, kGenerationConfigName);
  }
}

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(file, ignored));
}

// Nothing in the folder but what model directories hold: replacing it loses nothing else.
bool is_model_folder(const path& folder) {
  static const std::set<std::string> kSuffixes = {".json", ".safetensors", ".jinja", ".txt",
                                                  ".model", ".md"};
  std::error_code error;
  bool has_config = false;
  bool is_empty = true;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory() || !kSuffixes.contains(entry->path().extension().string())) {
      return false;
    }
    has_config = has_config || entry->path().filename() == kConfigName;
    is_empty = false;
  }
  return !error && (has_config || is_empty);
}

// The place of a model directory, and the names beside it that a save uses.
class Place {
 public:
  Place(const path& folder, FileSystem& files) : files_(files) {
    target_ = std::filesystem::absolute(folder).lexically_normal();
    if (!target_.has_filename()) target_ = target_.parent_path();
    if (std::filesystem::is_symlink(target_)) target_ = std::filesystem::canonical(target_);
    partial_ = beside(".partial");
    old_ = beside(".old");
    if (!is_there(target_) || is_model_folder(target_)) return;
    throw Error({.where = target_.string(),
                 .what = "what is there is not a model directory, and is not replaced",
                 .expected = "nothing, or a folder of config.json, weights and texts alone",
                 .remedy = "choose another folder"});
  }

  const path& partial() const { return partial_; }

  // Puts right what a killed save left.
  void prepare() {
    make_folders(target_.parent_path(), files_);
    if (is_there(old_) && !is_there(target_)) rename_path(old_, target_, files_);
    remove_path(old_, files_);
    remove_path(partial_, files_);
    make_folders(partial_, files_);
  }

  // The old directory is whole when this throws.
  void put() {
    sync_folder(partial_, files_);
    if (!is_there(target_)) return rename_path(partial_, target_, files_);
    if (exchange_paths(partial_, target_, files_)) return;
    rename_path(target_, old_, files_);
    try {
      rename_path(partial_, target_, files_);
    } catch (const Error&) {
      files_.rename(old_, target_);
      throw;
    }
  }

  // No failure of a save: the next one removes what is left.
  void tidy() {
    try {
      remove_path(partial_, files_);
      // Without a target, what was there could not be put back: it is the only copy.
      if (is_there(target_)) remove_path(old_, files_);
    } catch (const Error&) {
    }
  }

  void sync() { sync_folder(target_.parent_path(), files_); }

 private:
  path beside(const char* suffix) const {
    return target_.parent_path() / ("." + target_.filename().string() + suffix);
  }

  FileSystem& files_;
  path target_;
  path partial_;
  path old_;
};

void write_all(const path& folder, const ModelFolder& model, const SaveOptions& options,
               const std::map<std::string, std::string>& texts, FileSystem& files) {
  const std::vector<StoredTensor> layout = stored_layout(model.config);
  const std::vector<Shard> shards = shards_of(layout, options);
  for (const auto& [name, text] : texts) {
    write_file(folder / name, std::as_bytes(std::span(text)), files);
  }
  for (const Shard& shard : shards) {
    ShardPieces pieces(shard, model.weights, options.dtype);
    write_pieces(folder / shard.name, [&] { return pieces.next(); }, files);
  }
  if (shards.size() == 1) return;
  const std::string index = index_json(shards, options.dtype);
  write_file(folder / kIndexName, std::as_bytes(std::span(index)), files);
}

}  // namespace

void save_model(const path& folder, const ModelFolder& model, const SaveOptions& options,
                FileSystem& files) {
  check(model);
  const auto texts = texts_of(model, options.dtype);
  Place place(folder, files);
  try {
    place.prepare();
    write_all(place.partial(), model, options, texts, files);
    place.put();
    place.sync();
  } catch (const Error&) {
    place.tidy();
    throw;
  }
  place.tidy();
}

}  // namespace rl::language
