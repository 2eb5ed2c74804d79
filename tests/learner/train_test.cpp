#include "rl/learner/train.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <mutex>

#include "rl/core/error.h"
#include "rl/formats/checkpoint.h"
#include "support/temporary_folder.h"
#include "tests/learner/small_training.h"

namespace rl {
namespace {

namespace fs = std::filesystem;
using tests::TemporaryFolder;

TrainOptions small_run(const fs::path& out) {
  TrainOptions options = tests::small_threaded_training(out);
  options.total_steps = 2048;
  options.evaluate_every = 512;
  options.evaluation_episodes = 3;
  return options;
}

TrainSummary run(const TrainOptions& options, const std::atomic<int>* stop = nullptr) {
  TrainHooks hooks;
  hooks.program = RL_CORRAL_PROGRAM;
  hooks.stop = stop;
  return train(options, builtin_environments(), hooks);
}

// Trains in a folder of its own and gives the digest of the final weights.
std::string digest_of(const std::string& algorithm, void (*change)(TrainOptions&)) {
  const TemporaryFolder folder;
  TrainOptions options = small_run(folder.path() / "run");
  options.algorithm = algorithm;
  change(options);
  return run(options).weights_digest;
}

void check_worker_count_does_not_matter(const std::string& algorithm) {
  const auto one = digest_of(algorithm, [](TrainOptions&) {});
  CHECK(one == digest_of(algorithm, [](TrainOptions& o) { o.num_workers = 2; }));
  CHECK(one == digest_of(algorithm, [](TrainOptions& o) { o.num_workers = 8; }));
  CHECK(one == digest_of(algorithm, [](TrainOptions& o) {
          o.num_workers = 3;
          o.worker_mode = "process";
          o.endpoint = "ipc";
        }));
  CHECK(one == digest_of(algorithm, [](TrainOptions& o) {
          o.num_workers = 2;
          o.endpoint = "tcp";
        }));
  CHECK(one != digest_of(algorithm, [](TrainOptions& o) { o.seed = 2; }));
}

TEST_SUITE("training in lockstep") {
  TEST_CASE("PPO: one seed gives one result, whatever the workers and the endpoint") {
    check_worker_count_does_not_matter("ppo");
  }

  TEST_CASE("DQN: one seed gives one result, whatever the workers and the endpoint") {
    check_worker_count_does_not_matter("dqn");
  }

  TEST_CASE("interrupted and resumed at every turn, the weights are those of an undisturbed run") {
    for (const std::string algorithm : {"ppo", "dqn"}) {
      const auto undisturbed = digest_of(algorithm, [](TrainOptions&) {});
      const TemporaryFolder folder;
      TrainOptions options = small_run(folder.path() / "run");
      options.algorithm = algorithm;
      options.resume = true;
      TrainSummary summary;
      int starts = 0;
      do {
        std::atomic<int> stop{0};
        TrainHooks hooks;
        hooks.stop = &stop;
        // A worker joins early in every start; the run is asked to stop soon after.
        hooks.log = [&](const std::string& line) {
          if (starts < 5 && line.find("joined") != std::string::npos) stop = 1;
        };
        summary = train(options, builtin_environments(), hooks);
        ++starts;
      } while (summary.end == TrainEnd::interrupted && starts < 50);
      CHECK(starts > 2);
      CHECK(summary.environment_steps == 2048);
      CHECK(summary.weights_digest == undisturbed);
    }
  }

  TEST_CASE("worker processes killed again and again leave the result as it was") {
    const auto undisturbed = digest_of("ppo", [](TrainOptions&) {});
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.num_workers = 2;
    options.worker_mode = "process";
    options.endpoint = "ipc";
    TrainHooks hooks;
    hooks.program = RL_CORRAL_PROGRAM;
    int kills = 0;
    hooks.worker_started = [&](int process_id) {
      if (++kills <= 4) ::kill(process_id, SIGKILL);
    };
    const TrainSummary summary = train(options, builtin_environments(), hooks);
    CHECK(summary.worker_restarts >= 4);
    CHECK(summary.weights_digest == undisturbed);
  }

  TEST_CASE("a worker process that hangs is replaced, and leaves the result as it was") {
    const auto undisturbed = digest_of("ppo", [](TrainOptions&) {});
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.num_workers = 2;
    options.worker_mode = "process";
    options.endpoint = "ipc";
    TrainHooks hooks;
    hooks.program = RL_CORRAL_PROGRAM;
    std::vector<int> processes;
    hooks.worker_started = [&](int process_id) { processes.push_back(process_id); };
    hooks.log = [&](const std::string& line) {
      const bool joined = line.starts_with("worker-0 ") && line.find(" joined") < line.size();
      if (joined && processes.size() == 2) ::kill(processes[0], SIGSTOP);
    };
    const TrainSummary summary = train(options, builtin_environments(), hooks);
    CHECK(summary.worker_restarts == 1);  // once its silence was long enough
    CHECK(summary.weights_digest == undisturbed);
  }

  TEST_CASE("received = inserted + dropped, and everything arrives") {
    const TemporaryFolder folder;
    const TrainSummary summary = run(small_run(folder.path() / "run"));
    CHECK(summary.environment_steps == 2048);
    CHECK(summary.fragments_received == summary.fragments_used + summary.fragments_dropped);
    CHECK(summary.fragments_dropped == 0);
    CHECK(summary.skipped_updates == 0);
    CHECK(summary.updates > 0);
  }
}

TEST_SUITE("training asynchronously") {
  TEST_CASE("it reaches its steps and its ledger balances") {
    for (const std::string algorithm : {"ppo", "dqn"}) {
      const TemporaryFolder folder;
      TrainOptions options = small_run(folder.path() / "run");
      options.algorithm = algorithm;
      options.mode = "async";
      options.num_workers = 2;
      const TrainSummary summary = run(options);
      CHECK(summary.environment_steps >= 2048);
      CHECK(summary.updates > 0);
      CHECK(summary.fragments_received == summary.fragments_used + summary.fragments_dropped);
    }
  }

  TEST_CASE("it resumes from its last checkpoint") {
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.mode = "async";
    run(options);
    options.resume = true;
    options.total_steps = 4096;
    const TrainSummary summary = run(options);
    CHECK(summary.environment_steps >= 4096);
    CHECK(summary.end == TrainEnd::steps_reached);
  }
}

TEST_SUITE("a run folder") {
  TEST_CASE("holds everything a user looks for") {
    const TemporaryFolder folder;
    const fs::path out = folder.path() / "run";
    TrainHooks hooks;
    hooks.config_text = "seed = 1\n";
    train(small_run(out), builtin_environments(), hooks);
    for (const char* name : {"config.ini", "metrics.jsonl", "progress.csv", "report.html"}) {
      CAPTURE(name);
      CHECK(fs::file_size(out / name) > 0);
    }
    const auto checkpoint = CheckpointStore(out / "checkpoints", 3).load_newest(nullptr);
    REQUIRE(checkpoint.has_value());
    CHECK(checkpoint->facts.at("environment_steps") == "2048");
    CHECK(CheckpointStore(out / "best", 1).load_newest(nullptr).has_value());
  }

  TEST_CASE("with a run in it is not overwritten") {
    const TemporaryFolder folder;
    run(small_run(folder.path() / "run"));
    CHECK_THROWS_WITH_AS(run(small_run(folder.path() / "run")), doctest::Contains("--resume"),
                         Error);
  }

  TEST_CASE("is resumed only with the settings that its state fits") {
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    run(options);
    options.resume = true;
    options.num_environments = 4;
    CHECK_THROWS_WITH_AS(run(options), doctest::Contains("num-envs: expected 8, got 4"), Error);
    options.num_environments = 8;
    options.environment = "Acrobot-v1";
    CHECK_THROWS_WITH_AS(run(options), doctest::Contains("CartPole-v1"), Error);
  }
}

TEST_SUITE("what goes wrong in a training") {
  TEST_CASE("an unknown environment or algorithm lists the near ones") {
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.environment = "CartPol-v1";
    CHECK_THROWS_WITH_AS(run(options), doctest::Contains("CartPole-v1"), Error);
    options = small_run(folder.path() / "run");
    options.algorithm = "poo";
    CHECK_THROWS_WITH_AS(run(options), doctest::Contains("ppo"), Error);
  }

  TEST_CASE("workers that cannot start end the run with their reason") {
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.worker_mode = "process";
    options.endpoint = "ipc";
    TrainHooks hooks;
    hooks.program = "/nonexistent/corral";
    CHECK_THROWS_WITH_AS(train(options, builtin_environments(), hooks),
                         doctest::Contains("/nonexistent/corral"), Error);
    hooks.program = "/bin/false";
    CHECK_THROWS_WITH_AS(train(options, builtin_environments(), hooks),
                         doctest::Contains("exit code 1"), Error);
  }

  TEST_CASE("a lockstep round without its workers ends with the missing environments") {
    const TemporaryFolder folder;
    TrainOptions options = small_run(folder.path() / "run");
    options.num_workers = 0;
    options.worker_wait = 0.2;
    CHECK_THROWS_WITH_AS(run(options), doctest::Contains("8 environments are missing"), Error);
  }
}

}  // namespace
}  // namespace rl
