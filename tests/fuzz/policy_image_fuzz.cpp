// Any bytes as a policy's weights: refused, or a policy whose actions exist.
#include "fuzz/target.h"
#include "rl/policies/policy.h"
#include "transport/fixtures.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(policy_image) {
  static const EnvironmentSpec spec = transport::small_environment();
  answers([&] {
    const auto image = std::make_shared<const Bytes>(input.begin(), input.end());
    const auto policy = make_policy(spec, {.run_id = 1, .version = 1, .image = image});
    const float state[4] = {0.5F, -1.0F, 2.0F, 0.0F};
    std::int64_t move = -1;
    RngStream stream(1, RngRole::test, 0);
    const std::byte* observation[] = {reinterpret_cast<const std::byte*>(state)};
    std::byte* action[] = {reinterpret_cast<std::byte*>(&move)};
    float log_prob = 0.0F;
    for (const ActMode mode : {ActMode::sample, ActMode::greedy}) {
      const ActRow row{ConstFields(observation), Fields(action), &log_prob, &stream};
      policy->act(std::span(&row, 1), mode);
      require(move == 0 || move == 1, "an action is one of the environment's");
    }
  });
}
