#include "rl/cli/fine_tune_command_line.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "rl/cli/ini.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

const std::vector<std::string> kLeast{"--algo", "sft", "--model", "m", "--data", "d.jsonl"};

std::vector<std::string> with(const std::vector<std::string>& more) {
  std::vector<std::string> words = kLeast;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string rejection(const std::vector<std::string>& more) {
  return message_of([&] { parse_fine_tune_command_line(with(more)); });
}

struct Folder : tests::TemporaryFolder {
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path() / name) << text;
    return (path() / name).string();
  }
};

}  // namespace

TEST_SUITE("cli fine-tuning command line") {
  TEST_CASE("the options of a typical run arrive") {
    const FineTuneOptions o = parse_fine_tune_command_line(with(
        {"--validation", "v.jsonl", "--evaluate-exact", "100", "--epochs", "3", "--batch-tokens",
         "2e3", "--learning-rate", "1e-3", "--schedule", "constant", "--lora-rank", "8",
         "--lora-targets", "q_proj,v_proj,o_proj", "--activation-checkpointing", "--threads", "2",
         "--skip-broken-lines", "--out", "runs/x"}));
    CHECK(o.model == "m");
    CHECK(o.data == "d.jsonl");
    CHECK(o.validation == "v.jsonl");
    CHECK(o.evaluate_exact == 100);
    CHECK(o.epochs == 3);
    CHECK(o.batch_tokens == 2000);
    CHECK(o.learning_rate == 1e-3);
    CHECK(o.schedule == "constant");
    CHECK(o.lora_rank == 8);
    CHECK(o.lora_targets == std::vector<std::string>{"q_proj", "v_proj", "o_proj"});
    CHECK(o.activation_checkpointing);
    CHECK(o.threads == 2);
    CHECK(o.skip_broken_lines);
    CHECK(o.out == "runs/x");
  }

  TEST_CASE("a written configuration reads back to the same options") {
    FineTuneOptions options = parse_fine_tune_command_line(
        with({"--seed", "9", "--weight-decay", "0.25", "--lora-targets", "gate_proj"}));
    const Folder folder;
    const std::string file = folder.write("config.ini", fine_tune_config_text(options));
    CHECK(fine_tune_config_text(parse_fine_tune_command_line({"--config", file})) ==
          fine_tune_config_text(options));
  }

  TEST_CASE("the command line wins over the file, and the file over the run to resume") {
    const Folder folder;
    FineTuneOptions run = parse_fine_tune_command_line(
        with({"--epochs", "2", "--seed", "5", "--threads", "1"}));
    folder.write("config.ini", fine_tune_config_text(run));
    const std::string file = folder.write("more.ini", "epochs = 3\nseed = 6\n");
    const FineTuneOptions o = parse_fine_tune_command_line(
        {"--resume", "--out", folder.path().string(), "--config", file, "--seed", "7"});
    CHECK(o.resume);
    CHECK(o.model == "m");
    CHECK(o.threads == 1);
    CHECK(o.epochs == 3);
    CHECK(o.seed == 7);
  }

  TEST_CASE("every option has help, and the names differ") {
    for (const char* algorithm : {"sft", "rm", "dpo"}) {
      FineTuneOptions options = fine_tune_defaults(algorithm);
      const OptionTable table = fine_tune_option_table(options);
      std::set<std::string> names;
      for (const Option& option : table.options()) {
        CHECK_FALSE(option.help.empty());
        names.insert(option.name);
        CHECK(contains(fine_tune_help(algorithm, 100), "--" + option.name));
      }
      CHECK(names.size() == table.options().size());
    }
  }

  TEST_CASE("pairs: each algorithm has the options it reads, and defaults of its own") {
    const std::vector<std::string> dpo{"--algo", "dpo", "--model", "m", "--data", "d.jsonl",
                                       "--beta", "0.2", "--dpo-loss", "ipo"};
    const FineTuneOptions o = parse_fine_tune_command_line(dpo);
    CHECK(o.algorithm == "dpo");
    CHECK(o.beta == 0.2);
    CHECK(o.dpo_loss == "ipo");
    CHECK(o.too_long == "skip");
    CHECK(o.out == "runs/dpo");
    const Folder folder;
    const std::string file = folder.write("config.ini", fine_tune_config_text(o));
    CHECK(fine_tune_config_text(parse_fine_tune_command_line({"--config", file})) ==
          fine_tune_config_text(o));

    const std::vector<std::string> rm{"--algo", "rm", "--model", "m", "--data", "d.jsonl"};
    CHECK(parse_fine_tune_command_line(rm).learning_rate == 1e-5);
    const auto rejected = [](std::vector<std::string> words, const char* name, const char* value) {
      words.insert(words.end(), {name, value});
      return message_of([&] { parse_fine_tune_command_line(words); });
    };
    CHECK(contains(rejected(rm, "--beta", "0.1"), "there is no option --beta"));
    CHECK(contains(rejected(dpo, "--center-rewards", "0.1"), "there is no option"));
    CHECK(contains(rejected(dpo, "--loss-on", "all"), "there is no option --loss-on"));
    CHECK(contains(rejected(rm, "--too-long", "truncate"), "skip"));
  }

  TEST_CASE("mistakes are named with what would be right") {
    CHECK(contains(rejection({"--lora-rnk", "4"}), "did you mean --lora-rank?"));
    CHECK(contains(rejection({"--loss-on", "completions"}), "did you mean completion?"));
    CHECK(contains(rejection({"--epochs", "0"}), "a whole number of at least 1"));
    CHECK(contains(rejection({"--evaluate-exact", "5"}), "--validation FILE"));
    CHECK(contains(rejection({"--ppo.clip", "1"}), "there is no option --ppo.clip"));
    CHECK(contains(message_of([] { parse_fine_tune_command_line({"--data", "d"}); }), "--model"));
    CHECK(contains(message_of([] {
            parse_fine_tune_command_line({"--resume", "--out", "/nowhere/run"});
          }), "no run to resume"));
  }
}

}  // namespace rl::cli
