#include "rl/cli/language_command_line.h"

#include <doctest/doctest.h>

#include <fstream>

#include "rl/cli/ini.h"
#include "rl/core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/errors.h"

namespace rl::cli {
namespace {

using tests::contains;

LanguageTrainOptions parse(std::vector<std::string> words) {
  words.insert(words.end(), {"--model", "m"});
  return parse_language_command_line(TrainCommand::train, words);
}

std::string message_of(const std::vector<std::string>& words) {
  return tests::message_of([&] { parse(words); });
}

TEST_SUITE("command line of language models by reward") {
  TEST_CASE("the algorithm's name sets the loss, and single options win over it") {
    CHECK(parse({"--algo", "grpo"}).policy.clip_high == 0.2);
    CHECK(parse({"--algo", "dapo"}).policy.clip_high == 0.28);
    CHECK(parse({"--algo", "dapo"}).policy.drop_zero_variance);
    CHECK(parse({"--algo", "dapo", "--clip-high", "0.3"}).policy.clip_high == 0.3);
    CHECK(parse({"--algo", "reinforce++"}).policy.baseline == Baseline::whitened);
    CHECK(parse({"--algo", "rloo", "--kl", "0.05"}).policy.kl_in_reward);
  }

  TEST_CASE("PPO has a critic, and no groups unless they are asked for") {
    const LanguageTrainOptions options =
        parse({"--algo", "ppo", "--critic", "c", "--critic-lr", "1e-4", "--critic-warmup", "3",
               "--gae-lambda", "0.9", "--whiten-advantages", "false"});
    CHECK(options.policy.baseline == Baseline::critic);
    CHECK(options.policy.kl_coefficient == 0.05);
    CHECK(options.group == 1);
    CHECK(options.prompts == 128);
    CHECK(options.critic_model == "c");
    CHECK(options.critic_learning_rate == 1e-4);
    CHECK(options.critic.warmup_rounds == 3);
    CHECK(options.critic.lambda == 0.9);
    CHECK_FALSE(options.critic.whiten_advantages);
    CHECK(contains(message_of({"--algo", "grpo", "--critic", "c"}),
                   "--critic has no effect on grpo"));
    CHECK(contains(message_of({"--algo", "ppo", "--critic-lr", "0"}), "--critic-lr"));
    CHECK(contains(message_of({"--algo", "ppo", "--drop-zero-variance"}), "groups mean nothing"));
  }

  TEST_CASE("problems, sampling and rewards") {
    const LanguageTrainOptions options =
        parse({"--algo", "grpo", "--task", "sorting", "--length", "5", "--group", "4", "--prompts",
               "3", "--max-new", "16", "--rewards", "exact,length:0.1:20", "--steps", "7",
               "--stop-return", "0.9"});
    CHECK(options.task == "sorting");
    CHECK(options.length == 5);
    CHECK(options.group == 4);
    CHECK(options.prompts == 3);
    CHECK(options.max_new_tokens == 16);
    CHECK(options.rewards == std::vector<std::string>{"exact", "length:0.1:20"});
    CHECK(options.run.total_steps == 7);
    CHECK(options.run.has_stop_return);
  }

  TEST_CASE("the written configuration reads back to the same one") {
    const tests::TemporaryFolder folder;
    const std::string file = (folder.path() / "run.ini").string();
    for (const char* algorithm : {"gspo", "ppo"}) {
      const LanguageTrainOptions options =
          parse({"--algo", algorithm, "--kl", "0.01", "--rewards", "numeric", "--out", "x"});
      const std::string text = language_config_text(options);
      std::ofstream(file) << text;
      const LanguageTrainOptions again =
          parse_language_command_line(TrainCommand::train, {"--config", file});
      CHECK(language_config_text(again) == text);
      CHECK(again.policy.ratio == options.policy.ratio);
      CHECK(again.policy.baseline == options.policy.baseline);
    }
  }

  TEST_CASE("what is wrong is told by name") {
    CHECK(contains(message_of({"--algo", "grpo", "--group", "0"}), "--group"));
    CHECK(contains(message_of({"--algo", "grpo", "--gruop", "8"}), "--group"));
    CHECK(contains(message_of({"--algo", "grpo", "--temperature", "0"}), "--temperature"));
    CHECK(contains(message_of({"--algo", "grpo", "--bf16"}), "--device cuda"));
    CHECK(contains(message_of({"--algo", "grpo", "--workers", "3", "--prompts", "1", "--group",
                               "2"}), "--workers"));
    CHECK_THROWS_WITH_AS(parse_language_command_line(TrainCommand::train, {"--algo", "grpo"}),
                         doctest::Contains("--model"), Error);
    CHECK_THROWS_WITH_AS(
        parse_language_command_line(TrainCommand::learner, {"--algo", "grpo", "--model", "m"}),
        doctest::Contains("--bind"), Error);
  }

  TEST_CASE("the help tells the options and the algorithm's own defaults") {
    const std::string help = language_help("dapo", 100);
    for (const char* part : {"--task", "--group", "--kl", "--stop-return", "rounds", "0.28"}) {
      CAPTURE(part);
      CHECK(contains(help, part));
    }
    CHECK_FALSE(contains(help, "--critic"));
    CHECK(contains(language_help("ppo", 100), "--critic-warmup"));
    CHECK(contains(train_help(TrainCommand::train, 100), "--algo ppo --help --model"));
  }
}

}  // namespace
}  // namespace rl::cli
