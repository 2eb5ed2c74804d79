// Language models trained by reward, with worker processes, as a user does it.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Words = std::vector<std::string>;

struct Workshop : TemporaryFolder {
  Workshop() {
    const Ended made = run_program({"init-model", "--hidden", "32", "--layers", "1", "--heads", "2",
                                    "--context", "32", "--out", path("model")});
    REQUIRE(made.status == 0);
  }

  std::string path(const std::string& name) const {
    return (TemporaryFolder::path() / name).string();
  }

  Words run(const std::string& out, const Words& more,
            const std::string& algorithm = "grpo") const {
    Words words{"train",        "--algo",       algorithm,     "--model",      path("model"),
                "--digits",     "1",            "--length",    "2",            "--prompts",
                "2",            "--group",      "4",
                "--max-prompt", "12",           "--max-new",   "6",            "--rewards",
                "length:1:3",   "--score-truncated", "--lr",   "1e-2",         "--threads",
                "1",            "--eval-every", "5",           "--out",        path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

// The digest in the summary: equal runs have equal ones.
std::string digest_in(const std::string& summary) {
  const auto found = summary.find("digest ");
  REQUIRE(found != std::string::npos);
  return summary.substr(found, 23);
}

void check_killed_and_resumed(const Workshop& shop, const std::string& algorithm) {
  const Ended whole =
      run_program(shop.run("whole", {"--steps", "40", "--workers", "1"}, algorithm));
  CAPTURE(whole.err);
  REQUIRE(whole.status == 0);
  CHECK(contains(whole.out, "40 of 40"));
  {
    Program killed(
        shop.run("killed", {"--steps", "40", "--checkpoint-every", "0.01"}, algorithm));
    const std::filesystem::path checkpoints = shop.path("killed") + "/checkpoints";
    REQUIRE(killed.wait_for("joined"));
    while (!std::filesystem::exists(checkpoints) || std::filesystem::is_empty(checkpoints)) {
      if (killed.wait_for("no such words", std::chrono::seconds(0))) break;
    }
    killed.send(SIGKILL);
    killed.finish();
  }
  const Ended resumed = run_program(
      {"train", "--resume", "--out", shop.path("killed"), "--workers", "3", "--slots", "3"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(contains(resumed.out, "40 of 40"));
  CHECK(digest_in(resumed.out) == digest_in(whole.out));
}

}  // namespace

TEST_SUITE("corral train --algo grpo") {
  TEST_CASE("killed and resumed with other workers, the weights have the same bytes") {
    for (const std::string algorithm : {"grpo", "ppo"}) {
      CAPTURE(algorithm);
      check_killed_and_resumed(Workshop(), algorithm);
    }
  }

  TEST_CASE("the folder can be evaluated, inspected and generated from") {
    const Workshop shop;
    const Ended run = run_program(
        shop.run("run", {"--steps", "3", "--workers", "2", "--held-out", "5", "--export",
                          shop.path("trained")}));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(contains(run.out, "corral generate --model " + shop.path("trained")));
    const Ended eval = run_program({"eval", "--run", shop.path("run"), "--render", "ascii"});
    CHECK(eval.status == 0);
    CHECK(contains(eval.out, "5 held-out problems, greedy"));
    CHECK(contains(eval.out, "expected"));
    const Ended inspected = run_program({"inspect", shop.path("run")});
    CHECK(inspected.status == 0);
    CHECK(contains(inspected.out, "grpo of " + shop.path("model") + " on chain-sum"));
    CHECK(contains(inspected.out, "  max-new = 6\n"));
    CHECK(run_program({"generate", "--model", shop.path("trained"), "--prompt", "1+2=",
                       "--max-new", "2"}).status == 0);
    const Ended again = run_program(shop.run("run", {}));
    CHECK(again.status == 1);
    CHECK(contains(again.err, "--resume"));
  }

  TEST_CASE("problems of a file, and what is wrong with them") {
    const Workshop shop;
    std::ofstream(shop.path("problems.jsonl")) << R"({"prompt": "1+1=", "answer": "2"})" "\n"
                                               << R"({"prompt": "2+2=", "answer": "4"})" "\n"
                                               << R"({"prompt": "3+3=", "answer": "6"})" "\n";
    const Words file{"--data", shop.path("problems.jsonl"), "--held-out", "1", "--steps", "2"};
    const Ended run = run_program(shop.run("run", file));
    CAPTURE(run.err);
    CHECK(run.status == 0);
    std::ofstream(shop.path("problems.jsonl"), std::ios::app) << "no JSON\n";
    const Ended broken = run_program(shop.run("broken", file));
    CHECK(broken.status == 1);
    CHECK(contains(broken.err, "problems.jsonl:4"));
    Words skipping = file;
    skipping.push_back("--skip-broken-lines");
    CHECK(run_program(shop.run("skipped", skipping)).status == 0);
  }

  TEST_CASE("without the model of the start, which is the reference, a run cannot go on") {
    const Workshop shop;
    REQUIRE(run_program(shop.run("run", {"--steps", "2", "--kl", "0.1"})).status == 0);
    std::filesystem::remove_all(shop.path("model"));
    const Ended ended =
        run_program({"train", "--resume", "--out", shop.path("run"), "--steps", "3"});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, shop.path("model")));
  }

  TEST_CASE("asynchronously, stopped with Ctrl-C and resumed") {
    const Workshop shop;
    Program program(shop.run("run", {"--mode", "async", "--max-staleness", "2", "--steps", "400"}));
    REQUIRE(program.wait_for("round 5: "));
    program.send(SIGINT);
    CHECK(program.finish() == 3);
    const Ended resumed =
        run_program({"train", "--resume", "--out", shop.path("run"), "--workers", "1"});
    CAPTURE(resumed.err);
    CHECK(resumed.status == 0);
    CHECK(contains(resumed.out, "400 of 400"));
  }

  TEST_CASE("wrong options are told at once, with exit status 2") {
    const Workshop shop;
    const Ended ended = run_program(shop.run("run", {"--gruop", "8"}));
    CHECK(ended.status == 2);
    CHECK(contains(ended.err, "--group"));
    CHECK(contains(run_program({"help", "train", "--algo", "dapo"}).out, "0.28"));
    CHECK(contains(run_program({"algorithms"}).out, "reinforce++"));
  }
}

}  // namespace rl::tests
