#include "apps/corral/inspection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "apps/corral/latest_metrics.h"
#include "apps/corral/model_inspection.h"
#include "apps/corral/table.h"
#include "rl/cli/algorithm_choice.h"
#include "rl/cli/ini.h"
#include "rl/cli/fine_tune_command_line.h"
#include "rl/cli/language_command_line.h"
#include "rl/cli/train_option_table.h"
#include "rl/core/error.h"
#include "rl/formats/checkpoint.h"
#include "rl/formats/files.h"
#include "rl/formats/safetensors.h"
#include "rl/cli/numbers.h"

namespace rl::app {
namespace {

constexpr const char* kManifest = "MANIFEST";
constexpr const char* kTensorFile = ".safetensors";
constexpr std::size_t kLargestFile = std::size_t{16} << 30;

std::string bytes_text(std::uint64_t bytes) { return cli::group_digits(bytes) + " B"; }

std::string short_number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.6g", value);
  return buffer;
}

template <class T>
std::string value_range(const TensorView& tensor) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  std::size_t bad = 0;
  for (std::size_t i = 0; i < tensor.data.size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, tensor.data.data() + i * sizeof(T), sizeof(T));
    if (!std::isfinite(static_cast<double>(value))) ++bad;
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  if (bad > 0) return std::to_string(bad) + " values are not finite";
  return short_number(low) + " to " + short_number(high);
}

std::string values_of(const TensorView& tensor) {
  if (tensor.data.empty()) return "empty";
  if (tensor.dtype == DType::f32) return value_range<float>(tensor);
  if (tensor.dtype == DType::f64) return value_range<double>(tensor);
  if (tensor.dtype == DType::i64) return value_range<std::int64_t>(tensor);
  return "";
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

std::string tensors_text(std::span<const std::byte> image, const std::string& where) {
  const SafetensorsView view(image, where);
  Table table({"tensor", "type", "shape", "values"});
  for (const TensorView& tensor : view.tensors()) {
    table.add({tensor.name, std::string(name(tensor.dtype)), shape_text(tensor.shape),
               values_of(tensor)});
  }
  std::string text = table.text();
  for (const auto& [key, value] : view.metadata()) text += key + ": " + value + "\n";
  return text;
}

std::string fact(const Checkpoint& checkpoint, const char* key) {
  const auto found = checkpoint.facts.find(key);
  return found == checkpoint.facts.end() ? "" : found->second;
}

std::uint64_t size_of(const Checkpoint& checkpoint) {
  std::uint64_t bytes = 0;
  for (const auto& [part, data] : checkpoint.parts) bytes += data.size();
  return bytes;
}

// Every checkpoint is read whole and its digests are compared.
std::string checkpoints_text(const std::filesystem::path& folder, const std::string& title) {
  const CheckpointStore store(folder, 1);
  const std::vector<std::uint64_t> numbers = store.numbers();
  if (numbers.empty()) return "\n" + title + ": none\n";
  Table table({title, "state", "size", "weights version", "evaluation return"});
  std::string damage;
  for (const std::uint64_t number : numbers) {
    try {
      const Checkpoint checkpoint = store.load(number);
      table.add({std::to_string(number), "whole", bytes_text(size_of(checkpoint)),
                 fact(checkpoint, "weight_version"), fact(checkpoint, "evaluation_return")});
    } catch (const Error& error) {
      table.add({std::to_string(number), "DAMAGED", "", "", ""});
      damage += std::string(error.what()) + "\n";
    }
  }
  return "\n" + table.text() + damage;
}

std::string changed_options(const cli::OptionTable& table) {
  std::string text = "\n\noptions that are not the default\n";
  for (const cli::Option& option : table.options()) {
    if (table.value_of(option) == table.default_of(option)) continue;
    text += "  " + option.name + " = " + table.value_of(option) + "\n";
  }
  return text;
}

// What a run's file changes in the defaults of its kind, behind what the run is `about`.
template <class Options, class About>
std::string kind_text(const std::filesystem::path& path, Options options,
                      cli::OptionTable (*table_of)(Options&), const About& about) {
  cli::OptionTable table = table_of(options);
  table.set_all(cli::read_ini(path.string(), table));
  return about(options) + changed_options(table);
}

std::string about_environment(const TrainOptions& options) {
  return options.algorithm + " on " + options.environment + ", seed " +
         std::to_string(options.seed) + ", " + options.mode + ", " +
         cli::group_digits(options.total_steps) + " environment steps";
}

std::string about_texts(const LanguageTrainOptions& options) {
  return options.run.algorithm + " of " + options.model + " on " +
         (options.data.empty() ? options.task : options.data) + ", seed " +
         std::to_string(options.run.seed) + ", " + options.run.mode + ", " +
         cli::group_digits(options.run.total_steps) + " rounds";
}

std::string about_examples(const FineTuneOptions& options) {
  return options.algorithm + " of " + options.model + " on " + options.data + ", seed " +
         std::to_string(options.seed);
}

std::string config_text(const std::filesystem::path& run) {
  const std::filesystem::path path = run / cli::kRunConfigName;
  if (!std::filesystem::exists(path)) return "no " + path.string() + "\n";
  try {
    const std::vector<std::string> words{"--config", path.string()};
    const std::string algorithm = cli::chosen_algorithm(words);
    if (cli::is_language_algorithm(algorithm)) {
      return kind_text(path, fine_tune_defaults(algorithm), &cli::fine_tune_option_table,
                       &about_examples);
    }
    if (cli::is_language_policy(words)) {
      return kind_text(path, cli::language_defaults(algorithm), &cli::language_option_table,
                       &about_texts);
    }
    return kind_text(path, TrainOptions{}, &cli::train_option_table, &about_environment);
  } catch (const Error& error) {
    return std::string(error.what()) + "\n";
  }
}

std::string run_text(const std::filesystem::path& run) {
  std::string text = "run " + run.string() + ": " + config_text(run) +
                     checkpoints_text(run / "checkpoints", "checkpoint") +
                     checkpoints_text(run / "best", "best");
  Table table({"latest metric", "value", "at step"});
  const auto metrics = latest_metrics(run / "metrics.jsonl");
  for (const auto& [name, metric] : metrics) {
    table.add({name, short_number(metric.value), cli::group_digits(metric.step)});
  }
  return text + (metrics.empty() ? "\nno metrics yet\n" : "\n" + table.text());
}

std::string checkpoint_text(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  std::uint64_t number = 0;
  const auto result = std::from_chars(name.data(), name.data() + name.size(), number);
  if (result.ec != std::errc{} || result.ptr != name.data() + name.size()) {
    throw Error({.where = folder.string(), .what = "a checkpoint's folder is named by its number",
                 .got = "'" + name + "'"});
  }
  const Checkpoint checkpoint = CheckpointStore(folder.parent_path(), 1).load(number);
  std::string text = "checkpoint " + folder.string() + ": whole, " +
                     bytes_text(size_of(checkpoint)) + "\n";
  for (const auto& [key, value] : checkpoint.facts) text += "  " + key + ": " + value + "\n";
  for (const auto& [part, data] : checkpoint.parts) {
    text += "\n" + part + ", " + bytes_text(data.size()) + "\n";
    if (part.ends_with(kTensorFile)) text += tensors_text(data, part);
  }
  return text;
}

}  // namespace

std::string inspect(const std::filesystem::path& given) {
  std::filesystem::path path = given.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (std::filesystem::is_regular_file(path)) {
    return tensors_text(read_file(path, kLargestFile), path.string());
  }
  if (std::filesystem::exists(path / kManifest)) return checkpoint_text(path);
  if (std::filesystem::exists(path / "checkpoints") ||
      std::filesystem::exists(path / cli::kRunConfigName)) {
    return run_text(path);
  }
  if (is_model_directory(path)) return model_text(path);
  throw Error({.where = path.string(),
               .what = std::filesystem::exists(path) ? "this is neither a run nor a model"
                                                     : "there is no such file or folder",
               .expected = "the folder of a run, a checkpoint or a model, or a .safetensors file"});
}

}  // namespace rl::app
