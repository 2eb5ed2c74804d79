// kill -9 of a fine-tuning run at arbitrary moments, also while it writes a checkpoint or the model.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "rl/core/rng.h"
#include "rl/formats/checkpoint.h"
#include "rl/formats/files.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Clock = std::chrono::steady_clock;

struct Workshop : TemporaryFolder {
  Workshop() {
    REQUIRE(run_program({"init-model", "--hidden", "32", "--layers", "1", "--heads", "2",
                         "--context", "32", "--out", at("model")}).status == 0);
    REQUIRE(run_program({"make-data", "--digits", "1", "--count", "60", "--held-out-count", "10",
                         "--out", at("data.jsonl"), "--held-out", at("held-out.jsonl")})
                .status == 0);
  }
  std::string at(const std::string& name) const { return (path() / name).string(); }

  std::vector<std::string> words(const std::string& out) const {
    std::vector<std::string> words{
        "train", "--algo", "sft", "--model", at("model"), "--data", at("data.jsonl"),
        "--validation", at("held-out.jsonl"), "--out", at(out), "--threads", "1", "--epochs", "40",
        "--batch-tokens", "64", "--learning-rate", "1e-3", "--weight-decay", "0.1", "--eval-every",
        "50", "--evaluate-exact", "2", "--max-new-tokens", "4", "--checkpoint-every", "0.0001"};
    if (std::filesystem::exists(at(out))) words.push_back("--resume");
    return words;
  }

  std::uint64_t newest(const std::string& out) const {
    const auto numbers = CheckpointStore(at(out) + "/checkpoints", 3).numbers();
    return numbers.empty() ? 0 : numbers.back();
  }
};

// Kills once the run has gone `steps` beyond where it was, or lets it end.
void kill_after(const Workshop& shop, const std::string& out, std::uint64_t steps) {
  const std::uint64_t target = shop.newest(out) + steps;
  const auto end = Clock::now() + std::chrono::seconds(60);
  Program program(shop.words(out));
  while (shop.newest(out) < target && Clock::now() < end) {
  }
  program.send(SIGKILL);
  program.finish();
}

Bytes tuned_model(const Workshop& shop, const std::string& out) {
  return read_file(shop.at(out) + "/model/model.safetensors", std::size_t{1} << 30);
}

}  // namespace

TEST_SUITE("a killed fine-tuning run") {
  TEST_CASE("five kills and resumes end in the bytes of an undisturbed run") {
    const Workshop shop;
    REQUIRE(run_program(shop.words("whole")).status == 0);
    RngStream stream(7, RngRole::test, 0);
    for (int i = 0; i < 5; ++i) kill_after(shop, "killed", 1 + stream.below(30));
    const Ended ended = run_program(shop.words("killed"));
    CAPTURE(ended.err);
    REQUIRE(ended.status == 0);
    CHECK(tuned_model(shop, "killed") == tuned_model(shop, "whole"));
    CHECK(shop.newest("killed") == shop.newest("whole"));
  }

  TEST_CASE("Ctrl-C ends the run after its step, with the status and the words to go on with") {
    const Workshop shop;
    Program program(shop.words("stopped"));
    while (shop.newest("stopped") == 0) {
    }
    program.send(SIGINT);
    CHECK(program.finish() == 3);
    CHECK(program.out().find("go on with  corral train --resume --out " + shop.at("stopped")) !=
          std::string::npos);
    const Ended ended = run_program({"train", "--resume", "--out", shop.at("stopped")});
    CHECK(ended.status == 0);
    CHECK(ended.out.find("all steps made") != std::string::npos);
  }
}

}  // namespace rl::tests
