#include "apps/corral/model_inspection.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/corral/model_options.h"
#include "apps/corral/table.h"
#include "rl/cli/numbers.h"
#include "rl/language/model_files.h"

namespace rl::app {
namespace {

using language::ModelConfig;
using language::ModelFolder;

std::string rope_text(const ModelConfig& config) {
  if (config.learned_positions) return "learned";
  std::string text = "rotary, theta " + cli::format_number(config.rope.theta);
  const char* names[] = {"", ", linear", ", llama3", ", yarn"};
  text += names[static_cast<std::size_t>(config.rope.scaling)];
  if (config.rope.scaling == language::RopeScaling::none) return text;
  return text + " by " + cli::format_number(config.rope.factor);
}

std::string head_text(const ModelConfig& config) {
  if (config.scalar_head) return "one score per position";
  return config.tied_head ? "the embedding" : "its own";
}

std::string ids_text(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (const std::int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text.empty() ? "none" : text;
}

std::string dtypes_text(const ModelFolder& model) {
  std::map<std::string, std::size_t> counts;
  for (const TensorView& tensor : model.weights.tensors()) {
    ++counts[std::string(name(tensor.dtype))];
  }
  std::string text;
  for (const auto& [dtype, count] : counts) {
    text += (text.empty() ? "" : ", ") + dtype + " (" + std::to_string(count) + " tensors)";
  }
  return text;
}

std::string not_finite_text(const ModelFolder& model) {
  std::size_t total = 0;
  std::string first;
  for (const TensorView& tensor : model.weights.tensors()) {
    const auto values = language::to_f32(tensor);
    const auto bad = std::ranges::count_if(values, [](float x) { return !std::isfinite(x); });
    if (bad > 0 && first.empty()) first = tensor.name;
    total += static_cast<std::size_t>(bad);
  }
  return total == 0 ? "none" : cli::group_digits(total) + ", first in " + first;
}

std::string files_text(const std::filesystem::path& folder) {
  std::map<std::string, std::uintmax_t> sizes;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) sizes[entry.path().filename().string()] = entry.file_size();
  }
  Table table({"file", "size"});
  for (const auto& [file, size] : sizes) table.add({file, cli::group_digits(size) + " B"});
  return table.text();
}

}  // namespace

bool is_model_directory(const std::filesystem::path& path) {
  return std::filesystem::is_regular_file(path / "config.json");
}

std::string model_text(const std::filesystem::path& folder) {
  const ModelFolder model = language::load_model(folder);
  const ModelConfig& config = model.config;
  const auto number = [](std::size_t value) { return cli::group_digits(value); };
  Table table({"language model", name_of(config.family)});
  table.add({"parameters", number(language::parameter_count(config))});
  table.add({"vocabulary", number(config.vocabulary)});
  table.add({"hidden", number(config.hidden)});
  table.add({"layers", number(config.layers)});
  table.add({"heads", number(config.query_heads) + " of width " + number(config.head_dim) + ", " +
                          number(config.key_value_heads) + " of keys and values"});
  table.add({"intermediate", number(config.intermediate)});
  table.add({"context", number(config.context)});
  table.add({"positions", rope_text(config)});
  table.add({"head", head_text(config)});
  table.add({"stored as", dtypes_text(model)});
  table.add({"not finite", not_finite_text(model)});
  table.add({"stop ids", ids_text(model.stop_ids)});
  table.add({"tokenizer", model.tokenizer_json.empty() ? "none" : "tokenizer.json"});
  table.add({"chat template", model.chat_template.empty() ? "none" : "yes"});
  return table.text() + "\n" + files_text(folder);
}

}  // namespace rl::app
