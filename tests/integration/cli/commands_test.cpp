// The light half of the program, run as a user runs it.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "rl/envs/registry.h"
#include "rl/formats/checkpoint.h"
#include "tests/integration/cli/program.h"
#include "tests/support/policy_weights.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

Checkpoint trained(std::uint64_t number) {
  const auto environment = builtin_environments().make("CartPole-v1");
  const WeightSnapshot weights = random_weights(environment->spec(), 1, 3);
  return {.number = number,
          .parts = {{"weights.safetensors", *weights.image}},
          .facts = {{"environment", "CartPole-v1"},
                    {"environment_steps", std::to_string(number)},
                    {"weight_version", "3"}}};
}

// A run folder as training leaves it, with two checkpoints and no best one.
struct RunFolder : TemporaryFolder {
  RunFolder() {
    CheckpointStore store(path() / "checkpoints", 3);
    store.save(trained(1000));
    store.save(trained(2000));
    std::ofstream(path() / "config.ini") << "env = CartPole-v1\nseed = 42\n[ppo]\nclip = 0.15\n";
    std::ofstream(path() / "metrics.jsonl")
        << "{\"step\": 1000, \"wall_seconds\": 1.5, \"rollout/episode_return\": 21}\n"
        << "{\"step\": 2000, \"wall_seconds\": 2.5, \"rollout/episode_return\": 35}\n"
        << "{\"step\": 3000, \"rollout/epi";
  }
  std::string text() const { return path().string(); }
};

void flip_a_byte(const std::filesystem::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(100);
  const char byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(100);
  stream.put(byte);
}

}  // namespace

TEST_SUITE("corral") {
  TEST_CASE("alone, it prints an overview of one screen with every command") {
    const Ended ended = run_program({});
    CHECK(ended.status == 0);
    for (const char* command : {"train", "eval", "generate", "inspect", "envs", "algorithms",
                                "learner", "worker", "keygen", "help", "version"}) {
      CAPTURE(command);
      CHECK(contains(ended.out, std::string("\n  ") + command));
    }
    CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') <= 24);
    CHECK(run_program({"help"}).out == ended.out);
    CHECK(run_program({"--help"}).out == ended.out);
  }

  TEST_CASE("every command has a help with usage and examples") {
    for (const char* command : {"train", "eval", "generate", "inspect", "envs", "algorithms",
                                "learner", "worker", "keygen"}) {
      CAPTURE(command);
      const Ended ended = run_program({"help", command});
      CHECK(ended.status == 0);
      CHECK(contains(ended.out, std::string("Usage: corral ") + command));
      const auto examples = ended.out.find(std::string("\n  corral "));
      CHECK(examples != std::string::npos);
      CHECK(contains(ended.out.substr(examples + 1), "\n  corral "));
      CHECK(run_program({command, "--help"}).out == ended.out);
      CHECK(run_program({command, "-h"}).out == ended.out);
    }
  }

  TEST_CASE("an unknown command names the near ones and is wrong usage") {
    const Ended ended = run_program({"trian", "--env", "x"});
    CHECK(ended.status == 2);
    CHECK(contains(ended.err, "there is no command 'trian'; did you mean train"));
    CHECK(run_program({"help", "evl"}).status == 2);
  }

  TEST_CASE("an error is one line on stderr, and nothing on stdout") {
    const Ended ended = run_program({"train", "--stepz", "5"});
    CHECK(ended.status == 2);
    CHECK(ended.out.empty());
    CHECK(ended.err ==
          "corral train: [command line] there is no option --stepz; did you mean --steps?\n");
  }

  TEST_CASE("version is one line") {
    CHECK(contains(run_program({"version"}).out, "corral 0."));
    CHECK(run_program({"--version"}).status == 0);
  }

  TEST_CASE("envs lists all environments, and everything about one") {
    const Ended all = run_program({"envs"});
    CHECK(all.status == 0);
    for (const std::string& name : environment_names()) CHECK(contains(all.out, name));
    const Ended one = run_program({"envs", "CartPole-v1"});
    CHECK(one.status == 0);
    CHECK(contains(one.out, describe(make_environment("CartPole-v1")->spec())));
    const Ended wrong = run_program({"envs", "Cartpole"});
    CHECK(wrong.status == 2);
    CHECK(contains(wrong.err, "CartPole-v1"));
  }

  TEST_CASE("algorithms lists them") {
    const Ended ended = run_program({"algorithms"});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "ppo "));
    CHECK(contains(ended.out, "dqn "));
    CHECK(run_program({"algorithms", "x"}).status == 2);
  }

  TEST_CASE("train refuses an unknown environment before anything starts") {
    const Ended ended = run_program({"train", "--env", "CartPole"});
    CHECK(ended.status == 2);
    CHECK(contains(ended.err, "CartPole-v1"));
  }
}

TEST_SUITE("corral inspect") {
  TEST_CASE("a run is shown with its options, checkpoints and latest metrics") {
    const RunFolder run;
    const Ended ended = run_program({"inspect", run.text()});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "ppo on CartPole-v1, seed 42, lockstep"));
    CHECK(contains(ended.out, "ppo.clip = 0.15"));
    CHECK_FALSE(contains(ended.out, "gae-lambda"));
    CHECK(contains(ended.out, "1000        whole"));
    CHECK(contains(ended.out, "2000        whole"));
    CHECK(contains(ended.out, "best: none"));
    CHECK(contains(ended.out, "rollout/episode_return  35     2,000"));
    CHECK(run_program({"inspect", run.text() + "/"}).out == ended.out);
  }

  TEST_CASE("a damaged checkpoint is shown as damaged, with the part that is") {
    const RunFolder run;
    flip_a_byte(run.path() / "checkpoints/2000/weights.safetensors");
    const Ended ended = run_program({"inspect", run.text()});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "1000        whole"));
    CHECK(contains(ended.out, "2000        DAMAGED"));
    CHECK(contains(ended.out, "weights.safetensors"));
    CHECK(run_program({"inspect", run.text() + "/checkpoints/2000"}).status == 1);
  }

  TEST_CASE("a checkpoint and a file of weights are shown tensor by tensor") {
    const RunFolder run;
    const Ended checkpoint = run_program({"inspect", run.text() + "/checkpoints/1000"});
    CHECK(checkpoint.status == 0);
    CHECK(contains(checkpoint.out, "environment: CartPole-v1"));
    CHECK(contains(checkpoint.out, "policy.0.weight  f32   [8, 4]"));
    const Ended file =
        run_program({"inspect", run.text() + "/checkpoints/1000/weights.safetensors"});
    CHECK(file.status == 0);
    CHECK(contains(file.out, "policy.2.bias    f32   [2]"));
    CHECK(contains(file.out, "corral.policy: {"));
  }

  TEST_CASE("a run of every kind is shown by its own options") {
    const TemporaryFolder folder;
    const auto shown = [&](const std::string& config) {
      std::ofstream(folder.path() / "config.ini") << config;
      const Ended ended = run_program({"inspect", folder.path().string()});
      CHECK(ended.status == 0);
      return ended.out;
    };
    const std::string sft = shown("algo = sft\nmodel = m\ndata = d.jsonl\nlora-rank = 4\n");
    CHECK(contains(sft, "sft of m on d.jsonl, seed "));
    CHECK(contains(sft, "  lora-rank = 4\n"));
    const std::string dpo = shown("algo = dpo\nmodel = m\ndata = d.jsonl\nbeta = 0.3\n");
    CHECK(contains(dpo, "dpo of m on d.jsonl, seed "));
    CHECK(contains(dpo, "  beta = 0.3\n"));
    const std::string ppo = shown("algo = ppo\nmodel = m\ntask = reverse\nsteps = 7\n");
    CHECK(contains(ppo, "ppo of m on reverse, seed "));
    CHECK(contains(ppo, "7 rounds"));
    CHECK_FALSE(contains(ppo, "critic"));  // as by default
  }

  TEST_CASE("what no run left behind is refused") {
    const TemporaryFolder folder;
    CHECK(run_program({"inspect", folder.path().string()}).status == 1);
    CHECK(contains(run_program({"inspect", "/no/such"}).err, "there is no such file or folder"));
    CHECK(contains(run_program({"inspect"}).err, "e.g. corral inspect runs/latest"));
    std::ofstream(folder.path() / "x.safetensors") << "hello, this is no tensor file";
    const Ended ended = run_program({"inspect", (folder.path() / "x.safetensors").string()});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, "x.safetensors"));
  }
}

TEST_SUITE("corral eval") {
  TEST_CASE("the weights of a run play episodes, the same for the same seed") {
    const RunFolder run;
    const Ended first = run_program({"eval", "--run", run.text(), "--episodes", "10"});
    CHECK(first.status == 0);
    CHECK(contains(first.out, "CartPole-v1, weights of"));
    CHECK(contains(first.out, "at 2000 environment steps"));
    CHECK(contains(first.out, "10 episodes, greedy actions, seed 1"));
    CHECK(contains(first.out, "(standard error)"));
    CHECK(run_program({"eval", run.text(), "--episodes", "10"}).out == first.out);
    CHECK(run_program({"eval", run.text(), "--episodes", "10", "--seed", "2"}).out != first.out);
    CHECK(run_program({"eval", run.text(), "--episodes", "10", "--sample"}).out != first.out);
  }

  TEST_CASE("frames follow one another as plain text when nobody watches") {
    const RunFolder run;
    const Ended ended =
        run_program({"eval", run.text(), "--episodes", "1", "--render", "ascii"});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "--------\n"));
    CHECK(contains(ended.out, "episode 1, return 1\n"));
    CHECK_FALSE(contains(ended.out, "\x1b"));
  }

  TEST_CASE("a damaged newest checkpoint is passed over, aloud") {
    const RunFolder run;
    flip_a_byte(run.path() / "checkpoints/2000/weights.safetensors");
    const Ended ended = run_program({"eval", run.text(), "--episodes", "1"});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "at 1000 environment steps"));
    CHECK(contains(ended.err, "2000"));
  }

  TEST_CASE("without a run there is a clear end") {
    const TemporaryFolder folder;
    CHECK(run_program({"eval"}).status == 2);
    CHECK(run_program({"eval", "--run", "x", "--greedy", "--sample"}).status == 2);
    const Ended missing = run_program({"eval", "--run", "/no/such"});
    CHECK(missing.status == 1);
    CHECK(contains(missing.err, "there is no such folder"));
    const Ended empty = run_program({"eval", "--run", folder.path().string()});
    CHECK(empty.status == 1);
    CHECK(contains(empty.err, "the folder holds no whole checkpoint"));
  }
}

TEST_SUITE("corral worker") {
  TEST_CASE("a worker without a learner tries for as long as it was told, then says so") {
    const Ended ended = run_program(
        {"worker", "--connect", "ipc://@corral-nobody-listens-here", "--retry", "0.2"});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, "looking for a learner at ipc://@corral-nobody-listens-here"));
    CHECK(contains(ended.err, "nobody answered"));
    const Ended quiet = run_program({"worker", "--connect", "ipc://@corral-nobody-listens-here",
                                     "--retry", "0.2", "--quiet"});
    CHECK_FALSE(contains(quiet.err, "looking for"));
    CHECK(contains(quiet.err, "nobody answered"));
  }

  TEST_CASE("a worker without an address is told how to get one") {
    const Ended ended = run_program({"worker"});
    CHECK(ended.status == 2);
    CHECK(contains(ended.err, "expected --connect URL"));
    CHECK(run_program({"worker", "--connect", "ipc://@x", "--slot", "1.5"}).status == 2);
  }

  TEST_CASE("a second signal ends a waiting worker at once") {
    Program worker({"worker", "--connect", "ipc://@corral-nobody-listens-here", "--retry", "600"});
    REQUIRE(worker.wait_for("looking for a learner"));
    worker.send(SIGINT);
    REQUIRE(worker.wait_for("again: at once"));
    worker.send(SIGINT);
    CHECK(worker.finish() == 130);
  }
}

TEST_SUITE("corral keygen") {
  TEST_CASE("keys are made once, readable by their owner alone, and never replaced") {
    const TemporaryFolder folder;
    const std::string keys = (folder.path() / "keys").string();
    const Ended first = run_program({"keygen", keys});
    CHECK(first.status == 0);
    CHECK(contains(first.out, "--keys " + keys));
    for (const auto& file : std::filesystem::directory_iterator(keys)) {
      CAPTURE(file.path().string());
      const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
      if (contains(file.path().filename().string(), "secret")) {
        CHECK((file.status().permissions() & others) == std::filesystem::perms::none);
      }
    }
    const Ended again = run_program({"keygen", keys});
    CHECK(again.status == 1);
    CHECK(contains(again.err, keys));
    CHECK(run_program({"keygen"}).status == 2);
  }
}

}  // namespace rl::tests
