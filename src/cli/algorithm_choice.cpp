#include "rl/cli/algorithm_choice.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "rl/algorithms/registry.h"
#include "rl/cli/options.h"
#include "rl/cli/train_option_table.h"
#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "rl/formats/files.h"

namespace rl::cli {
namespace {

constexpr std::size_t kMostFileBytes = std::size_t{1} << 20;

// The last `--name value` or `--name=value`.
std::optional<std::string> typed(const std::vector<std::string>& words, const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--" + name && i + 1 < words.size()) value = words[i + 1];
    if (words[i].starts_with("--" + name + "=")) value = words[i].substr(name.size() + 3);
  }
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr const char* kTrimmed = " \t\r\"";
  const std::size_t first = text.find_first_not_of(kTrimmed);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kTrimmed) - first + 1);
}

// `algo = NAME` before the first section. The rest needs an option table to be understood.
std::optional<std::string> written(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) return std::nullopt;
  Bytes bytes;
  try {
    bytes = read_file(file, kMostFileBytes);
  } catch (const Error&) {
    return std::nullopt;
  }
  std::istringstream lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (std::string line; std::getline(lines, line);) {
    const std::string_view text = std::string_view(line).substr(0, line.find_first_of("#;"));
    if (trimmed(text).starts_with('[')) break;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || trimmed(text.substr(0, equals)) != "algo") continue;
    return std::string(trimmed(text.substr(equals + 1)));
  }
  return std::nullopt;
}

std::optional<std::string> first_choice(const std::vector<std::string>& words) {
  if (const auto name = typed(words, "algo")) return name;
  if (const auto config = typed(words, "config")) {
    if (const auto name = written(*config)) return name;
  }
  const auto is_resume = [](const std::string& word) { return word.starts_with("--resume"); };
  if (std::ranges::none_of(words, is_resume)) return std::nullopt;
  const std::filesystem::path out = typed(words, "out").value_or(TrainOptions{}.out);
  return written(out / kRunConfigName);
}

}  // namespace

std::string chosen_algorithm(const std::vector<std::string>& words) {
  const auto name = first_choice(words);
  if (!name) return TrainOptions{}.algorithm;
  std::vector<std::string> known;
  for (const auto& row : algorithm_descriptions()) known.emplace_back(row.name);
  for (const auto& row : language_algorithm_descriptions()) known.emplace_back(row.name);
  for (const auto& row : language_policy_descriptions()) known.emplace_back(row.name);
  if (std::ranges::find(known, *name) != known.end()) return *name;
  throw Error({.where = kCommandLine, .what = "there is no algorithm of this name",
               .got = "'" + *name + "'", .remedy = suggest(*name, known)});
}

bool is_language_algorithm(const std::string& name) {
  const auto rows = language_algorithm_descriptions();
  return std::ranges::find(rows, name, &AlgorithmDescription::name) != rows.end();
}

bool is_language_policy(const std::string& name) {
  const auto rows = language_policy_descriptions();
  return std::ranges::find(rows, name, &AlgorithmDescription::name) != rows.end();
}

}  // namespace rl::cli
