// kill -9 of a language model's reinforcement learning at arbitrary moments: the learner, also while
// it writes a checkpoint, and its worker processes.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "rl/core/rng.h"
#include "rl/formats/checkpoint.h"
#include "rl/formats/files.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKills = 10;             // CORRAL_KILLS in the environment: so many instead
constexpr int kRoundsPerKill = 40;     // of the whole run
constexpr std::uint64_t kStride = 20;  // most rounds from one kill to the next
constexpr int kLearnersPerWorker = 4;  // a lost worker is missed only when its deadline has passed

int wanted_kills() {
  const char* text = std::getenv("CORRAL_KILLS");
  return text == nullptr ? kKills : std::atoi(text);
}

struct Workshop : TemporaryFolder {
  Workshop() {
    REQUIRE(run_program({"init-model", "--hidden", "32", "--layers", "1", "--heads", "2",
                         "--context", "32", "--out", at("model")}).status == 0);
  }
  std::string at(const std::string& name) const { return (path() / name).string(); }

  std::vector<std::string> words(const std::string& out) const {
    std::vector<std::string> words{
        "train", "--algo", "dapo", "--model", at("model"), "--digits", "1", "--length", "2",
        "--prompts", "3", "--group", "4", "--max-prompt", "12", "--max-new", "6", "--rewards",
        "length:1:3", "--score-truncated", "--lr", "1e-3", "--threads", "1", "--steps",
        std::to_string(kRoundsPerKill * wanted_kills()), "--eval-every", "50", "--held-out", "10", "--workers", "2",
        "--checkpoint-every", "0.0001", "--out", at(out)};
    if (std::filesystem::exists(at(out))) words.push_back("--resume");
    return words;
  }

  std::uint64_t newest(const std::string& out) const {
    const auto numbers = CheckpointStore(at(out) + "/checkpoints", 3).numbers();
    return numbers.empty() ? 0 : numbers.back();
  }

  Bytes trained(const std::string& out) const {
    return read_file(at(out) + "/model/model.safetensors", std::size_t{1} << 30);
  }
};

// Busy for up to `most`: the moment is anywhere in a round.
void let_pass(RngStream& stream, std::chrono::microseconds most) {
  const auto count = static_cast<std::uint64_t>(most.count());
  const auto end = Clock::now() + std::chrono::microseconds(stream.below(count));
  while (Clock::now() < end) {
  }
}

// Once the run has gone `rounds` beyond where it was. False when it ended before.
bool goes_on(Program& program, const Workshop& shop, const std::string& out,
             std::uint64_t rounds) {
  const std::uint64_t target = shop.newest(out) + rounds;
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (shop.newest(out) < target) {
    if (Clock::now() > end || contains(program.out(), "digest")) return false;
    program.wait_for("no such words", std::chrono::seconds(0));
  }
  return true;
}

Ended run_to_end(const std::vector<std::string>& words) {
  Program program(words);
  const int status = program.finish(std::chrono::minutes(10));
  return {status, program.out(), program.err()};
}

struct Ledger {
  std::uint64_t received = 0, used = 0, dropped = 0;
};

// From the line of the summary.
Ledger ledger_of(const std::string& summary) {
  std::string line = summary.substr(std::min(summary.find("experience"), summary.size()));
  std::erase(line, ',');
  unsigned long long received = 0, used = 0, dropped = 0;
  REQUIRE(std::sscanf(line.c_str(), "experience %llu fragments received %llu used %llu dropped",
                      &received, &used, &dropped) == 3);
  return {received, used, dropped};
}

}  // namespace

TEST_SUITE("a killed run of language-model reinforcement learning") {
  TEST_CASE("kills of learner and workers leave the bytes of an undisturbed run, and no hang") {
    const Workshop shop;
    const Ended whole = run_to_end(shop.words("whole"));
    CAPTURE(whole.err);
    REQUIRE(whole.status == 0);
    const int kills = wanted_kills();
    RngStream stream(7, RngRole::test, 0);
    int done = 0;
    while (done < kills) {
      CAPTURE(done);
      Program program(shop.words("killed"));
      const std::string url = program.rest_of_line("listening on ");
      REQUIRE_FALSE(url.empty());
      const bool worker_first = done % (kLearnersPerWorker + 1) == kLearnersPerWorker;
      if (worker_first) {
        REQUIRE(program.wait_for("joined"));
        let_pass(stream, std::chrono::milliseconds(30));
        const int worker = find_process(url);
        REQUIRE(worker > 0);
        kill(worker, SIGKILL);
        ++done;
      }
      REQUIRE(goes_on(program, shop, "killed", 1 + stream.below(kStride)));
      let_pass(stream, std::chrono::milliseconds(30));
      program.send(SIGKILL);
      CHECK(program.finish() == 128 + SIGKILL);
      ++done;
    }
    const Ended ended = run_to_end(shop.words("killed"));
    CAPTURE(ended.err);
    REQUIRE(ended.status == 0);
    CHECK(shop.trained("killed") == shop.trained("whole"));
    const Ledger ledger = ledger_of(ended.out);
    CHECK(ledger.received == ledger.used + ledger.dropped);
    MESSAGE(done, " kills\n", ended.out);
  }
}

}  // namespace rl::tests
