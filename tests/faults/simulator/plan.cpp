#include "faults/simulator/plan.h"

namespace rl::transport::simulator {
namespace {

using std::chrono::milliseconds;

double maybe(RngStream& random, double most) {
  return random.below(2) == 0 ? 0.0 : random.uniform(0.0, most);
}

}  // namespace

Plan plan_of(std::uint64_t seed) {
  RngStream random(seed, RngRole::test, 1);
  Plan plan{.seed = seed};
  plan.num_workers = 1 + random.below(4);
  plan.duration_ms = static_cast<int>(500 + random.below(2000));
  plan.drop = maybe(random, 0.3);
  plan.repeat = maybe(random, 0.3);
  plan.corrupt = maybe(random, 0.05);
  plan.longest_delay_ms = random.below(2) == 0 ? 1 : static_cast<int>(2 + random.below(200));
  plan.kill_worker = maybe(random, 1.0);
  plan.kill_learner = maybe(random, 0.7);
  plan.partition = maybe(random, 1.0);
  plan.reconnect = maybe(random, 2.0);
  plan.stall = maybe(random, 1.0);
  plan.clock_jump = maybe(random, 0.5);
  plan.image_bytes = random.below(3) == 0 ? 900 : 1100 + random.below(5000);
  plan.produce = random.uniform(0.1, 0.9);
  plan.consume = random.uniform(0.1, 0.95);
  plan.publish = random.uniform(0.01, 0.2);
  plan.consumed_per_checkpoint = 1 + random.below(20);

  plan.learner.credit_bytes = kLeastCreditBytes << random.below(3);
  plan.learner.worker_timeout = milliseconds(1500);
  plan.learner.heartbeat_every = milliseconds(200);
  plan.learner.limits.max_control_bytes = 2048;
  plan.learner.limits.max_message_bytes = 8192;
  plan.learner.limits.weight_chunk_bytes = 1024;
  // Nobody here misbehaves, but a network that changes bytes looks like it.
  plan.learner.limits.strikes = plan.corrupt == 0.0 ? 1 : random.below(2) == 0 ? 3 : 1000;
  plan.worker.batch_bytes = 1024;
  plan.worker.heartbeat_every = milliseconds(200);
  plan.worker.learner_timeout = milliseconds(3000);
  plan.worker.limits = plan.learner.limits;
  return plan;
}

}  // namespace rl::transport::simulator
