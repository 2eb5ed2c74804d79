// A learner without learning: publishes random weights and takes what arrives.
#pragma once

#include <thread>

#include "rl/envs/registry.h"
#include "rl/rollout/run_config.h"
#include "rl/transport/learner_endpoint.h"
#include "support/policy_weights.h"

namespace rl::tests {

class LearnerStandIn {
 public:
  LearnerStandIn(const std::string& bind, rollout::RunConfig config)
      : spec(make_environment(config.environment)->spec()),
        endpoint(options(bind), {.run_id = 1,
                                 .environment = spec,
                                 .schema = std::make_shared<const FragmentSchema>(make_schema(spec)),
                                 .run_config = rollout::to_text(config),
                                 .num_slots = config.num_slots}) {}

  void publish(std::uint64_t version) { endpoint.publish(random_weights(spec, 3, version)); }

  // Fragments until `steps` steps arrived, or none came for five seconds.
  std::vector<FragmentPtr> take(std::size_t steps) {
    std::vector<FragmentPtr> fragments;
    for (std::size_t arrived = 0; arrived < steps;) {
      const auto received = endpoint.receive(std::chrono::seconds(5));
      if (!received) break;
      arrived += received->fragment->num_steps();
      fragments.push_back(received->fragment);
    }
    return fragments;
  }

  EnvironmentSpec spec;
  transport::LearnerEndpoint endpoint;

 private:
  static transport::LearnerOptions options(const std::string& bind) {
    transport::LearnerOptions options;
    options.bind = bind;
    return options;
  }
};

inline rollout::RunConfig run_config(rollout::Mode mode, std::uint32_t environments,
                                     std::uint32_t slots) {
  return {.environment = "CartPole-v1",
          .seed = 1,
          .num_environments = environments,
          .num_slots = slots,
          .mode = mode,
          .steps_per_round = 20,
          .fragment_steps = 16};
}

}  // namespace rl::tests
