#include "rl/rollout/worker_pool.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "rl/envs/registry.h"
#include "tests/support/temporary_folder.h"

namespace rl::rollout {
namespace {

// A program that takes any arguments and hangs.
std::string hanging_program(const tests::TemporaryFolder& folder) {
  const std::filesystem::path file = folder.path() / "hangs";
  std::ofstream(file) << "#!/bin/sh\nexec sleep 600\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return file.string();
}

// Looks after the workers until one was started again, or for ten seconds.
void watch_for_a_restart(WorkerPool& pool) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (pool.num_restarts() == 0 && std::chrono::steady_clock::now() < end) pool.watch();
}

TEST_SUITE("worker pool") {
  TEST_CASE("a process that hangs is killed and started again once the learner gave it up") {
    const tests::TemporaryFolder folder;
    WorkerPoolOptions options;
    options.mode = WorkerMode::process;
    options.num_workers = 2;
    options.program = hanging_program(folder);
    std::string said;
    WorkerPool pool(options, builtin_environments(), [&](const auto& line) { said = line; });
    const auto first = pool.process_ids();
    pool.give_up("worker-2");
    pool.give_up("somebody else");
    pool.watch();
    CHECK(pool.process_ids() == first);
    pool.give_up("worker-1");
    watch_for_a_restart(pool);
    CHECK(pool.num_restarts() == 1);
    CHECK(pool.process_ids()[0] == first[0]);
    CHECK(pool.process_ids()[1] != first[1]);
    CHECK(said == "worker-1 ended (killed by signal 9); starting it again");
    CHECK(pool.join(std::chrono::milliseconds(0)) == 2);
  }
}

}  // namespace
}  // namespace rl::rollout
