// Training runs of the program, from worker processes to files and back.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "rl/cli/train_option_table.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Words = std::vector<std::string>;

Words small_run(const std::string& out, const Words& more) {
  Words words{"train",       "--num-envs", "4",        "--eval-episodes",     "2", "--out", out,
              "--eval-every", "0",         "--ppo.rollout-steps", "32", "--ppo.hidden", "8"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The digest in the summary: equal runs have equal ones.
std::string digest_in(const std::string& summary) {
  const auto found = summary.find("digest ");
  REQUIRE(found != std::string::npos);
  return summary.substr(found, 23);
}

}  // namespace

TEST_SUITE("corral train") {
  TEST_CASE("a run with worker processes leaves everything about it in its folder") {
    const TemporaryFolder folder;
    const std::string out = (folder.path() / "run").string();
    const Ended ended =
        run_program(small_run(out, {"--workers", "2", "--steps", "1_000", "--seed", "5"}));
    CAPTURE(ended.err);
    REQUIRE(ended.status == 0);
    CHECK(contains(ended.out, "all steps made"));
    CHECK(contains(ended.out, "corral eval --run " + out));
    for (const char* name : {"config.ini", "metrics.jsonl", "progress.csv", "report.html",
                             "checkpoints", "best"}) {
      CAPTURE(name);
      CHECK(std::filesystem::exists(std::filesystem::path(out) / name));
    }
    const TrainOptions options = cli::read_train_config(out + "/config.ini");
    CHECK(options.seed == 5);
    CHECK(options.total_steps == 1000);
    CHECK(options.ppo.rollout_steps == 32);

    const Ended shown = run_program({"inspect", out});
    CHECK(shown.status == 0);
    CHECK(contains(shown.out, "whole"));
    CHECK_FALSE(contains(shown.out, "no metrics yet"));
    CHECK(run_program({"eval", "--run", out, "--episodes", "2"}).status == 0);
    CHECK(run_program({"eval", "--run", out, "--episodes", "2", "--checkpoint", "last"}).status ==
          0);

    const Ended again = run_program(small_run(out, {"--workers", "2"}));
    CHECK(again.status == 1);
    CHECK(contains(again.err, "--resume"));
  }

  TEST_CASE("threads and processes, few workers or many, end in the same weights") {
    const TemporaryFolder folder;
    const auto digest = [&](const std::string& name, const Words& more) {
      Words words = small_run((folder.path() / name).string(), {"--steps", "600"});
      words.insert(words.end(), more.begin(), more.end());
      const Ended ended = run_program(words);
      CAPTURE(ended.err);
      REQUIRE(ended.status == 0);
      return digest_in(ended.out);
    };
    const std::string one = digest("a", {"--workers", "1"});
    CHECK(digest("b", {"--workers", "3"}) == one);
    CHECK(digest("c", {"--workers", "2", "--worker-mode", "thread"}) == one);
    CHECK(digest("d", {"--workers", "2", "--endpoint", "tcp"}) == one);
    CHECK(digest("e", {"--workers", "1", "--seed", "2"}) != one);
  }

  TEST_CASE("Ctrl-C stops cleanly, and the resumed run ends as if it had not been stopped") {
    const TemporaryFolder folder;
    const std::string out = (folder.path() / "run").string();
    const std::string whole = (folder.path() / "whole").string();
    const Words size{"--steps", "60_000", "--workers", "2"};
    Program program(small_run(out, size));
    REQUIRE(program.wait_for("joined"));
    program.send(SIGINT);
    REQUIRE(program.finish() == 3);
    CHECK(contains(program.err(), "again: at once"));
    CHECK(contains(program.out(), "stopped before the end"));
    CHECK(contains(program.out(), "corral train --resume --out " + out));

    const Ended resumed = run_program({"train", "--resume", "--out", out});
    CAPTURE(resumed.err);
    REQUIRE(resumed.status == 0);
    const Ended straight = run_program(small_run(whole, size));
    REQUIRE(straight.status == 0);
    CHECK(digest_in(resumed.out) == digest_in(straight.out));
  }

  TEST_CASE("a second Ctrl-C stops at once and leaves no worker behind") {
    const TemporaryFolder folder;
    const std::string out = (folder.path() / "run").string();
    Program program(small_run(out, {"--steps", "1e9", "--workers", "1"}));
    REQUIRE(program.wait_for("joined"));
    const std::string url = program.rest_of_line("listening on ");
    const int worker = find_process(url);
    REQUIRE(worker > 0);
    kill(worker, SIGSTOP);  // it cannot say goodbye: the learner has to wait for it
    program.send(SIGINT);
    REQUIRE(program.wait_for("again: at once"));
    program.send(SIGINT);
    CHECK(program.finish() == 130);
    CHECK(ends(worker));
  }

  TEST_CASE("a file of options is used, and what is wrong in it is named by line") {
    const TemporaryFolder folder;
    const std::string file = (folder.path() / "a.ini").string();
    std::ofstream(file) << "steps = 300\nnum-envs = 2\n\n[ppo]\nclipp = 3\n";
    const Ended wrong = run_program({"train", "--config", file});
    CHECK(wrong.status == 2);
    CHECK(contains(wrong.err, file + ":5] there is no option ppo.clipp; did you mean ppo.clip"));
  }
}

TEST_SUITE("corral learner") {
  TEST_CASE("a learner says how to start a worker, which then trains with it over tcp and keys") {
    const TemporaryFolder folder;
    const std::string keys = (folder.path() / "keys").string();
    const std::string out = (folder.path() / "run").string();
    REQUIRE(run_program({"keygen", keys}).status == 0);
    Program learner({"learner", "--bind", "tcp://127.0.0.1:*", "--keys", keys, "--out", out,
                     "--steps", "500", "--num-envs", "2", "--eval-episodes", "2",
                     "--ppo.rollout-steps", "32", "--ppo.hidden", "8"});
    const std::string url = learner.rest_of_line("listening on ");
    REQUIRE_FALSE(url.empty());
    Program worker({"worker", "--connect", url, "--keys", keys, "--name", "by-hand"});
    CHECK(worker.finish() == 0);
    CHECK(learner.finish() == 0);
    CHECK(contains(learner.err(), "by-hand (slot 0) joined"));
    CHECK(contains(worker.err(), "0 fragments lost"));
    CHECK(contains(learner.out(), "all steps made"));
  }

  TEST_CASE("an address in use is named, and the run that has it goes on") {
    const TemporaryFolder folder;
    Program first({"learner", "--bind", "tcp://127.0.0.1:*", "--out",
                   (folder.path() / "first").string()});
    const std::string url = first.rest_of_line("listening on ");
    REQUIRE_FALSE(url.empty());
    const Ended second =
        run_program({"learner", "--bind", url, "--out", (folder.path() / "second").string()});
    CHECK(second.status == 1);
    CHECK(contains(second.err, url));
    first.send(SIGINT);
    CHECK(first.finish() == 3);
  }

  TEST_CASE("a wide address without keys is refused") {
    const TemporaryFolder folder;
    const Ended ended = run_program({"learner", "--bind", "tcp://0.0.0.0:*", "--out",
                                     (folder.path() / "run").string()});
    CHECK(ended.status != 0);
    CHECK(contains(ended.err, "key"));
  }
}

}  // namespace rl::tests
