// Any text as a run's configuration or bytes as an assignment: refused, or written again the same.
#include "fuzz/choices.h"
#include "rl/rollout/run_config.h"

namespace {

using namespace rl;
using namespace rl::fuzz;

void read_assignment(Choices choices) {
  const std::uint32_t num_environments = choices.byte();
  const Input bytes = choices.rest();
  answers([&] {
    const auto assignment = rollout::assignment_from_bytes(bytes, num_environments);
    require(assignment.continuations.size() == num_environments, "one for each environment");
    const Bytes again = rollout::to_bytes(assignment);
    require(bytes.empty() || std::ranges::equal(again, bytes), "what was read is written the same");
  });
}

}  // namespace

RL_FUZZ_TARGET(run_config) {
  rollout::RunConfig config;
  if (answers([&] { config = rollout::run_config_from_text(as_text(input)); })) {
    require(rollout::run_config_from_text(rollout::to_text(config)) == config,
            "what was read is written the same");
    rollout::environments_of_slot(config, config.num_slots - 1);
  }
  read_assignment(Choices(input));
}
