// What a learner tells its workers about the run, as text inside the welcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/rollout/text_run_config.h"

namespace rl::rollout {

enum class Mode : std::uint8_t {
  lockstep,  // one round per weight version; every environment makes steps_per_round steps
  async,     // steps go on with the newest weights at hand
};

// Threads: plain values.
struct RunConfig {
  std::string environment;             // registry name
  std::uint64_t seed = 0;
  std::uint32_t num_environments = 1;  // over all slots
  std::uint32_t num_slots = 1;
  Mode mode = Mode::lockstep;
  std::uint32_t steps_per_round = 128;  // lockstep: per environment
  std::uint32_t fragment_steps = 128;   // a fragment's most steps
  // Texts instead of an environment: one text per environment and round, in async too.
  std::optional<TextRunConfig> text{};

  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

// One `name = value` a line. Throws Error naming the line when a name is unknown or missing, or a
// value is malformed or out of range.
std::string to_text(const RunConfig& config);
RunConfig run_config_from_text(std::string_view text);

// Environments [first, first + count) belong to a slot; all slots together cover them once.
struct EnvironmentRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};
EnvironmentRange environments_of_slot(const RunConfig& config, std::uint32_t slot);

// Where the environments of a slot stand, so that whoever takes the slot continues them exactly.
struct Assignment {
  std::uint64_t round = 1;           // lockstep: the weight version to act with next
  std::vector<Bytes> continuations;  // one per environment of the slot; empty: start afresh
};

Bytes to_bytes(const Assignment& assignment);
// Empty bytes are a fresh start. Throws Error when malformed or for another number of environments.
Assignment assignment_from_bytes(std::span<const std::byte> bytes, std::uint32_t num_environments);

}  // namespace rl::rollout
