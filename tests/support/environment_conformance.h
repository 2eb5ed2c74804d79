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

#include "rl/core/fields.h"
#include "rl/core/rng.h"
#include "rl/core/spec.h"
#include "rl/envs/environment.h"

namespace rl {

struct ConformanceOptions {
  std::size_t steps = 3000;      // of every run
  std::uint64_t seed = 7;        // of episodes and actions
  bool depends_on_seed = true;   // false: every seed gives the same episodes
};

// Sentences about what the environment does wrong; empty when nothing was found.
std::vector<std::string> find_environment_defects(
    const std::function<std::unique_ptr<Environment>()>& factory,
    const ConformanceOptions& options = {});

// A failed doctest check per defect.
void check_environment(const std::function<std::unique_ptr<Environment>()>& factory,
                       const ConformanceOptions& options = {});

// One owned row per tensor, 64-byte aligned, with 64 guarded bytes behind each.
class OwnedRows {
 public:
  explicit OwnedRows(const std::vector<TensorSpec>& specs);
  OwnedRows(OwnedRows&&) = default;
  OwnedRows& operator=(OwnedRows&&) = default;

  Fields fields() const { return Fields(rows_); }
  ConstFields const_fields() const { return ConstFields(const_rows_); }
  void poison(std::byte value);          // fills rows and guards
  bool guards_are(std::byte value) const;
  std::vector<std::byte> bytes() const;  // of all rows, guards left out

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<std::size_t> sizes_;
  std::vector<std::vector<Line>> lines_;
  std::vector<std::byte*> rows_;
  std::vector<const std::byte*> const_rows_;
};

// A uniformly drawn action that the observation's mask allows. Continuous actions leave their
// bounds now and then.
void draw_action(const EnvironmentSpec& spec, ConstFields observation, RngStream& stream,
                 Fields action);

}  // namespace rl
