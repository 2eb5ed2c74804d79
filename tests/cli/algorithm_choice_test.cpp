#include "rl/cli/algorithm_choice.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {

using tests::contains;
using tests::message_of;

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

  TEST_CASE("a file that is there and cannot be read is told: a guess could be another algorithm") {
    const tests::TemporaryFolder folder;
    const std::string file = (folder.path() / "config.ini").string();
    std::ofstream(file) << "algo = sft\n" << std::string(std::size_t{1} << 20, '#');
    CHECK(contains(message_of([&] { chosen_algorithm({"--config", file}); }), file));
    CHECK(contains(message_of([&] {
      chosen_algorithm({"--resume", "--out", folder.path().string()});
    }), file));
  }

  TEST_CASE("a name that is none is refused with the nearest") {
    CHECK(contains(message_of([] { chosen_algorithm({"--algo", "stf"}); }), "did you mean sft?"));
  }

  TEST_CASE("PPO is about texts when a model, a task or data is named, typed or in a file") {
    CHECK_FALSE(is_language_policy({}));
    CHECK_FALSE(is_language_policy({"--algo", "ppo", "--env", "CartPole-v1"}));
    CHECK_FALSE(is_language_policy({"--algo", "sft", "--model", "m"}));
    CHECK(is_language_policy({"--algo", "grpo"}));
    CHECK(is_language_policy({"--algo", "ppo", "--model", "m"}));
    CHECK(is_language_policy({"--task=addition", "--algo", "ppo"}));
    CHECK(is_language_policy({"--algo", "ppo", "--help", "--model"}));
    const tests::TemporaryFolder folder;
    const std::string file = (folder.path() / "config.ini").string();
    std::ofstream(file) << "algo = ppo\ntask = chain-sum\n";
    CHECK(is_language_policy({"--config", file}));
    CHECK(is_language_policy({"--resume", "--out", folder.path().string()}));
    std::ofstream(file) << "algo = ppo\nenv = CartPole-v1\n";
    CHECK_FALSE(is_language_policy({"--config", file}));
  }

  TEST_CASE("a model beside an environment, or without an algorithm, is a question back") {
    CHECK(contains(message_of([] {
      is_language_policy({"--algo", "ppo", "--env", "CartPole-v1", "--model", "m"});
    }), "--env and --model do not go together"));
    CHECK(contains(message_of([] { is_language_policy({"--model", "m", "--data", "d"}); }),
                   "--algo is missing"));
  }

  TEST_CASE("language models are trained on files by sft, rm and dpo") {
    for (const char* name : {"sft", "rm", "dpo"}) CHECK(is_language_algorithm(name));
    CHECK_FALSE(is_language_algorithm("ppo"));
  }
}

}  // namespace rl::cli
