// What any environment must do, whoever wrote it. A test of one is three lines:
//
//   TEST_CASE("my environment keeps the contract of environments") {
//     check_environment([] { return std::make_unique<MyEnvironment>(); });
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rl/envs/environment.h"
#include "support/owned_rows.h"

namespace rl {

struct ConformanceOptions {
  std::size_t steps = 3000;     // of every run
  std::uint64_t seed = 7;       // of episodes and actions
  bool depends_on_seed = true;  // false: every seed gives the same episodes
};

// Sentences about what the environment does wrong; empty when nothing was found.
std::vector<std::string> find_environment_defects(
    const std::function<std::unique_ptr<Environment>()>& factory,
    const ConformanceOptions& options = {});

// A failed doctest check per defect.
void check_environment(const std::function<std::unique_ptr<Environment>()>& factory,
                       const ConformanceOptions& options = {});

}  // namespace rl
