#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "rl/language/thread_team.h"

TEST_SUITE_BEGIN("language::thread_team");

using rl::language::ThreadTeam;

TEST_CASE("every member works exactly once per run") {
  for (const std::size_t size : {1, 2, 3, 8}) {
    CAPTURE(size);
    ThreadTeam team(size);
    CHECK(team.size() == size);
    std::vector<int> calls(size, 0);
    for (int round = 0; round < 1000; ++round) {
      team.run([&](std::size_t member) noexcept { ++calls[member]; });
    }
    CHECK(calls == std::vector<int>(size, 1000));
  }
}

TEST_CASE("what members wrote is visible to the caller when run returns") {
  ThreadTeam team(4);
  std::vector<std::size_t> values(4);
  for (std::size_t round = 1; round < 500; ++round) {
    team.run([&](std::size_t member) noexcept { values[member] = round * 10 + member; });
    for (std::size_t member = 0; member < 4; ++member) {
      REQUIRE(values[member] == round * 10 + member);
    }
  }
}

TEST_SUITE_END();
