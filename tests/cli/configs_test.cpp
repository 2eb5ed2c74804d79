// The files of configs/, as a user gives them to --config.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "rl/cli/algorithm_choice.h"
#include "rl/cli/language_command_line.h"
#include "rl/cli/fine_tune_command_line.h"
#include "rl/cli/train_command_line.h"
#include "rl/cli/train_option_table.h"
#include "rl/envs/registry.h"

namespace rl::cli {
namespace {

std::vector<std::filesystem::path> config_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(RL_TEST_DATA "/../configs")) {
    if (entry.path().extension() == ".ini") files.push_back(entry.path());
  }
  return files;
}

}  // namespace

TEST_SUITE("configs") {
  TEST_CASE("every configuration file is understood and names a known environment") {
    REQUIRE(config_files().size() >= 11);
    for (const auto& file : config_files()) {
      CAPTURE(file.string());
      const std::vector<std::string> words{"--config", file.string()};
      if (is_language_algorithm(chosen_algorithm(words)) || is_language_policy(words)) continue;
      TrainOptions options;
      REQUIRE_NOTHROW(options = parse_train_command_line(TrainCommand::train, words));
      CHECK_NOTHROW(builtin_environments().find(options.environment));
      CHECK(file.filename().string().starts_with(options.algorithm + "-"));
      CHECK(train_config_text(options) != train_config_text(TrainOptions{}));
    }
  }

  TEST_CASE("those for language models are understood, their models and data given by the reader") {
    std::size_t count = 0;
    for (const auto& file : config_files()) {
      CAPTURE(file.string());
      const std::string algorithm = chosen_algorithm({"--config", file.string()});
      const std::vector<std::string> words{"--config", file.string()};
      const bool policy = is_language_policy(words);
      if (!policy && !is_language_algorithm(algorithm)) continue;
      ++count;
      CHECK(file.filename().string().starts_with(algorithm + "-"));
      if (policy) CHECK_NOTHROW(parse_language_command_line(TrainCommand::train, words));
      if (!policy) CHECK_NOTHROW(parse_fine_tune_command_line(words));
    }
    CHECK(count >= 2);
  }

  TEST_CASE("the README names every configuration file") {
    std::ifstream readme(RL_TEST_DATA "/../configs/README.md");
    std::stringstream text;
    text << readme.rdbuf();
    for (const auto& file : config_files()) {
      CAPTURE(file.string());
      CHECK(text.str().find("`" + file.filename().string() + "`") != std::string::npos);
    }
  }
}

}  // namespace rl::cli
