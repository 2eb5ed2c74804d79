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

// `name = VALUE` before the first section. The rest needs an option table to be understood.
std::optional<std::string> written(const std::filesystem::path& file, const std::string& name) {
  if (!std::filesystem::is_regular_file(file)) return std::nullopt;
  const Bytes bytes = read_file(file, kMostFileBytes);
  std::istringstream lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (std::string line; std::getline(lines, line);) {
    const std::string_view text = std::string_view(line).substr(0, line.find_first_of("#;"));
    if (trimmed(text).starts_with('[')) break;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || trimmed(text.substr(0, equals)) != name) continue;
    return std::string(trimmed(text.substr(equals + 1)));
  }
  return std::nullopt;
}

// What is typed, else in the file, else in the run to resume.
std::optional<std::string> first_choice(const std::vector<std::string>& words,
                                        const std::string& name) {
  if (const auto value = typed(words, name)) return value;
  if (const auto config = typed(words, "config")) {
    if (const auto value = written(*config, name)) return value;
  }
  const auto is_resume = [](const std::string& word) { return word.starts_with("--resume"); };
  if (std::ranges::none_of(words, is_resume)) return std::nullopt;
  const std::filesystem::path out = typed(words, "out").value_or(TrainOptions{}.out);
  return written(out / kRunConfigName, name);
}

template <class Rows>
bool has(const Rows& rows, const std::string& name) {
  return std::ranges::find(rows, name, &AlgorithmDescription::name) != rows.end();
}

// An option that only runs on texts have, when one is given.
std::optional<std::string> option_of_texts(const std::vector<std::string>& words) {
  for (const char* name : {"model", "task", "data"}) {
    const std::string word = std::string("--") + name;
    const bool last = !words.empty() && words.back() == word;  // its value is still to come
    if (last || first_choice(words, name)) return word;
  }
  return std::nullopt;
}

}  // namespace

std::string chosen_algorithm(const std::vector<std::string>& words) {
  const auto name = first_choice(words, "algo");
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
  return has(language_algorithm_descriptions(), name);
}

bool is_language_policy(const std::vector<std::string>& words) {
  const std::string name = chosen_algorithm(words);
  if (!has(language_policy_descriptions(), name)) return false;
  if (!has(algorithm_descriptions(), name)) return true;
  const auto given = option_of_texts(words);
  if (!given) return false;
  if (!first_choice(words, "algo")) {
    throw Error({.where = kCommandLine,
                 .what = *given + " is of a language model, and --algo is missing",
                 .expected = "how it learns: --algo sft, grpo, ppo, ...",
                 .remedy = "corral algorithms lists them"});
  }
  if (typed(words, "env")) {
    throw Error({.where = kCommandLine,
                 .what = "--env and " + *given + " do not go together",
                 .expected = "--env for a policy in an environment, or --model with --task or "
                             "--data for a language model",
                 .remedy = "remove one of them"});
  }
  return true;
}

}  // namespace rl::cli
