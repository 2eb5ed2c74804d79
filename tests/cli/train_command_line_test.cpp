#include "rl/cli/train_command_line.h"

#include <doctest/doctest.h>

#include <fstream>

#include "rl/cli/train_option_table.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

TrainOptions train(const std::vector<std::string>& words) {
  return parse_train_command_line(TrainCommand::train, words);
}

std::string rejection(const std::vector<std::string>& words,
                      TrainCommand command = TrainCommand::train) {
  return message_of([&] { parse_train_command_line(command, words); });
}

struct Folder : tests::TemporaryFolder {
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path() / name) << text;
    return (path() / name).string();
  }
};

}  // namespace

TEST_SUITE("cli train command line") {
  TEST_CASE("without a word, every option has its default") {
    CHECK(train_config_text(train({})) == train_config_text(TrainOptions{}));
  }

  TEST_CASE("the options of a typical run arrive") {
    const TrainOptions o = train({"--algo", "dqn", "--env", "MountainCar-v0", "--workers", "4",
                                  "--worker-mode", "thread", "--endpoint", "inproc", "--mode",
                                  "async", "--seed", "7", "--steps", "1.5e5", "--stop-return",
                                  "-110", "--out", "runs/car", "--dqn.n-step", "3",
                                  "--dqn.double-q", "false", "--device", "cpu"});
    CHECK(o.algorithm == "dqn");
    CHECK(o.environment == "MountainCar-v0");
    CHECK(o.num_workers == 4);
    CHECK(o.worker_mode == "thread");
    CHECK(o.endpoint == "inproc");
    CHECK(o.mode == "async");
    CHECK(o.seed == 7);
    CHECK(o.total_steps == 150000);
    CHECK(o.stop_return == -110.0);
    CHECK(o.has_stop_return);
    CHECK(o.out == "runs/car");
    CHECK(o.dqn.n_step == 3);
    CHECK_FALSE(o.dqn.double_q);
  }

  TEST_CASE("the command line wins over the file, the file over the defaults") {
    const Folder folder;
    const std::string file =
        folder.write("a.ini", "seed = 5\nworkers = 3\n[ppo]\nclip = 0.1\nepochs = 9\n");
    const TrainOptions o = train({"--seed", "6", "--config", file, "--ppo.clip=0.3"});
    CHECK(o.seed == 6);
    CHECK(o.num_workers == 3);
    CHECK(o.ppo.clip == 0.3);
    CHECK(o.ppo.epochs == 9);
    CHECK(o.ppo.gae_lambda == PpoOptions{}.gae_lambda);
  }

  TEST_CASE("a resumed run keeps its own options, except what is typed") {
    const Folder folder;
    TrainOptions first = train({"--seed", "11", "--workers", "3", "--ppo.clip", "0.15"});
    first.out = "elsewhere";
    folder.write(kRunConfigName, train_config_text(first));
    const std::string out = folder.path().string();
    const TrainOptions o = train({"--resume", "--out", out, "--steps", "5e5"});
    CHECK(o.resume);
    CHECK(o.out == out);
    CHECK(o.seed == 11);
    CHECK(o.num_workers == 3);
    CHECK(o.ppo.clip == 0.15);
    CHECK(o.total_steps == 500000);
  }

  TEST_CASE("resuming what is not there is a mistake in --out") {
    const Folder folder;
    const std::string missing = (folder.path() / "missing").string();
    CHECK(contains(rejection({"--resume", "--out", missing}),
                   "there is no run to resume in " + missing));
    CHECK(train({"--resume", "--out", folder.path().string()}).resume);
  }

  TEST_CASE("wrong options say the right ones") {
    CHECK(contains(rejection({"--worker", "4"}), "no option --worker; did you mean --workers"));
    CHECK(contains(rejection({"--ppo.clp", "4"}), "no option --ppo.clp; did you mean --ppo.clip"));
    CHECK(contains(rejection({"--clip", "0.2"}), "did you mean --ppo.clip?"));
    CHECK(contains(rejection({"--learning-rate", "1"}),
                   "did you mean --ppo.learning-rate or --dqn.learning-rate?"));
    CHECK(contains(rejection({"--algo", "pp0"}),
                   "expected ppo or dqn, got 'pp0'; did you mean ppo"));
    CHECK(contains(rejection({"--mode", "sync"}), "expected lockstep or async, got 'sync'"));
    CHECK(contains(rejection({"--steps", "0"}), "a whole number of at least 1, got '0'"));
    CHECK(contains(rejection({"--steps", "many"}), "got 'many'"));
    CHECK(contains(rejection({"--ppo.discount", "1.1"}), "a number from 0 to 1, got '1.1'"));
    CHECK(contains(rejection({"--ppo.hidden", "64x64"}), "such as 64,64, got '64x64'"));
    CHECK(contains(rejection({"--worker-wait", "0"}), "a number above 0 and up to 86400"));
    CHECK(contains(rejection({"CartPole-v1"}), "'CartPole-v1' is not understood here"));
    CHECK(contains(rejection({"--config", "no/such.ini"}), "no/such.ini"));
  }

  TEST_CASE("an option of the other algorithm is refused when typed, but may stand in a file") {
    CHECK(contains(rejection({"--algo", "dqn", "--ppo.clip", "0.1"}),
                   "option --ppo.clip has no effect on dqn; remove it, or choose --algo ppo"));
    const Folder folder;
    const std::string file = folder.write("a.ini", "algo = dqn\n[ppo]\nclip = 0.1\n");
    CHECK(train({"--config", file}).ppo.clip == 0.1);
  }

  TEST_CASE("one environment gets one worker unless more are asked for") {
    CHECK(train({"--num-envs", "1"}).num_workers == 1);
    CHECK(contains(rejection({"--workers", "3", "--num-envs", "1"}), "--workers"));
  }

  TEST_CASE("options that contradict each other are refused before anything starts") {
    CHECK(contains(rejection({"--workers", "9", "--num-envs", "8"}), "--workers"));
    CHECK(contains(rejection({"--endpoint", "inproc", "--worker-mode", "process"}), "inproc"));
    CHECK(contains(rejection({"--algo", "dqn", "--dqn.replay-capacity", "10"}),
                   "replay_capacity"));
  }

  TEST_CASE("a learner needs an address and starts no workers") {
    CHECK(contains(rejection({}, TrainCommand::learner), "expected --bind URL"));
    CHECK(contains(rejection({"--bind", "tcp://127.0.0.1:1", "--workers", "2"},
                             TrainCommand::learner),
                   "use corral train --workers 2 --bind URL"));
    const Folder folder;
    const std::string file = folder.write("a.ini", "workers = 4\n");
    const TrainOptions o = parse_train_command_line(TrainCommand::learner,
                                                    {"--bind", "tcp://127.0.0.1:1", "--config",
                                                     file, "--slots", "3"});
    CHECK(o.num_workers == 0);
    CHECK(o.num_slots == 3);
    CHECK(o.bind == "tcp://127.0.0.1:1");
  }

  TEST_CASE("help shows every option") {
    TrainOptions options;
    const OptionTable table = train_option_table(options);
    for (const TrainCommand command : {TrainCommand::train, TrainCommand::learner}) {
      const std::string help = train_help(command, 100);
      for (const Option& option : table.options()) {
        CAPTURE(option.name);
        CHECK(contains(help, "--" + option.name));
      }
      CHECK(contains(help, "Exit status"));
    }
  }
}

}  // namespace rl::cli
