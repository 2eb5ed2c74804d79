// kill -9 of the learner at arbitrary moments, also while it writes a checkpoint.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "rl/core/rng.h"
#include "rl/formats/checkpoint.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> run_words(const std::string& algorithm, const std::string& out) {
  std::vector<std::string> words{
      "train", "--algo", algorithm, "--out", out, "--num-envs", "4", "--steps", "24000",
      "--workers", "2", "--worker-mode", "thread", "--endpoint", "inproc", "--eval-every", "3000",
      "--eval-episodes", "2", "--checkpoint-every", "0.0001"};
  const std::vector<std::string> ppo{"--ppo.rollout-steps", "32", "--ppo.hidden", "8"};
  const std::vector<std::string> dqn{"--dqn.hidden", "8", "--dqn.train-every", "256",
                                     "--dqn.updates-per-train", "4", "--dqn.learning-starts",
                                     "512", "--dqn.replay-capacity", "2000"};
  const auto& more = algorithm == "ppo" ? ppo : dqn;
  words.insert(words.end(), more.begin(), more.end());
  if (std::filesystem::exists(out)) words.push_back("--resume");
  return words;
}

std::string final_digest(const std::string& out) {
  const auto newest = CheckpointStore(out + "/checkpoints", 3).load_newest(nullptr);
  REQUIRE(newest.has_value());
  CHECK(newest->facts.at("environment_steps") >= "24000");
  return newest->facts.at("weights_digest");
}

std::uint64_t newest_number(const std::string& out) {
  const auto numbers = CheckpointStore(out + "/checkpoints", 3).numbers();
  return numbers.empty() ? 0 : numbers.back();
}

// Kills once the run has gone `steps` environment steps beyond where it was, or lets it end.
void kill_after(std::uint64_t steps, const std::vector<std::string>& words,
                const std::string& out) {
  const std::uint64_t target = newest_number(out) + steps;
  const auto end = Clock::now() + std::chrono::seconds(60);
  Program program(words);
  while (newest_number(out) < std::min<std::uint64_t>(target, 23500) && Clock::now() < end) {
  }
  program.send(SIGKILL);
  CHECK(program.finish() == 128 + SIGKILL);
}

void check_kills(const std::string& algorithm, int kills) {
  const TemporaryFolder folder;
  const std::string whole = (folder.path() / "whole").string();
  const std::string killed = (folder.path() / "killed").string();
  REQUIRE(run_program(run_words(algorithm, whole)).status == 0);
  RngStream stream(7, RngRole::test, 0);
  for (int i = 0; i < kills; ++i) {
    kill_after(1 + stream.below(2000), run_words(algorithm, killed), killed);
  }
  const Ended ended = run_program(run_words(algorithm, killed));
  CAPTURE(ended.err);
  REQUIRE(ended.status == 0);
  CHECK(final_digest(killed) == final_digest(whole));
}

}  // namespace

TEST_SUITE("a killed learner") {
  TEST_CASE("PPO: ten kills and resumes end in the bytes of an undisturbed run") {
    check_kills("ppo", 10);
  }

  TEST_CASE("DQN: ten kills and resumes end in the bytes of an undisturbed run") {
    check_kills("dqn", 10);
  }
}

}  // namespace rl::tests
