#include "rl/cli/algorithm_choice.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/cli/support.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {

TEST_SUITE("cli algorithm choice") {
  TEST_CASE("the command line's word wins, in both ways to write it") {
    CHECK(chosen_algorithm({}) == "ppo");
    CHECK(chosen_algorithm({"--algo", "sft"}) == "sft");
    CHECK(chosen_algorithm({"--seed", "3", "--algo=dqn"}) == "dqn");
  }

  TEST_CASE("then the file's, before its first section and without its comments") {
    const tests::TemporaryFolder folder;
    const std::string file = (folder.path() / "a.ini").string();
    std::ofstream(file) << "# algo = dqn\n ; algo = dqn\nalgo = \"sft\" # tuned\n[ppo]\nalgo = ppo\n";
    CHECK(chosen_algorithm({"--config", file}) == "sft");
    CHECK(chosen_algorithm({"--config=" + file, "--algo", "ppo"}) == "ppo");
    std::ofstream(file) << "[ppo]\nalgo = sft\n";
    CHECK(chosen_algorithm({"--config", file}) == "ppo");
    CHECK(chosen_algorithm({"--config", "/nowhere.ini"}) == "ppo");
  }

  TEST_CASE("then that of the run to resume") {
    const tests::TemporaryFolder folder;
    std::ofstream(folder.path() / "config.ini") << "algo = sft\n";
    CHECK(chosen_algorithm({"--resume", "--out", folder.path().string()}) == "sft");
    CHECK(chosen_algorithm({"--out", folder.path().string()}) == "ppo");
  }

  TEST_CASE("a name that is none is refused with the nearest") {
    CHECK(contains(message_of([] { chosen_algorithm({"--algo", "stf"}); }), "did you mean sft?"));
  }

  TEST_CASE("language models are trained by sft") {
    CHECK(is_language_algorithm("sft"));
    CHECK_FALSE(is_language_algorithm("ppo"));
  }
}

}  // namespace rl::cli
