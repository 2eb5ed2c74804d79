// Both state machines over a virtual network, one kind of trouble at a time. All kinds mixed, over
// many more seeds, and the proof that broken invariants are noticed: tests/faults/simulator.
#include <doctest/doctest.h>

#include "faults/simulator/world.h"

using namespace rl::transport;
using namespace rl::transport::simulator;

namespace {

// A run of this seed in which nothing goes wrong.
Plan perfect_plan(std::uint64_t seed) {
  Plan plan = plan_of(seed);
  plan.num_workers = 3;
  plan.drop = plan.repeat = plan.corrupt = 0.0;
  plan.longest_delay_ms = 1;
  plan.kill_worker = plan.kill_learner = plan.partition = 0.0;
  plan.reconnect = plan.stall = plan.clock_jump = 0.0;
  return plan;
}

void check_invariants(void (*trouble)(Plan&)) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Plan plan = perfect_plan(seed);
    trouble(plan);
    const Outcome outcome = simulate(plan);
    INFO("seed " << seed);
    REQUIRE(outcome.broken == "");
  }
}

}  // namespace

TEST_SUITE_BEGIN("transport simulation");

TEST_CASE("on a perfect network nothing is dropped and nothing is sent twice") {
  Plan plan = perfect_plan(1);
  plan.duration_ms = 3000;
  plan.produce = plan.consume = 0.9;
  const Outcome outcome = simulate(plan);
  CHECK(outcome.broken == "");
  CHECK(outcome.consumed > 100);
  CHECK(outcome.counters.produced == outcome.consumed);
  CHECK(outcome.counters.fragments_received == outcome.consumed);
  for (const std::uint64_t dropped : outcome.counters.dropped) CHECK(dropped == 0);
}

TEST_CASE("the books balance when messages get lost") {
  check_invariants([](Plan& plan) { plan.drop = 0.3; });
}

TEST_CASE("the books balance when messages come twice and out of order") {
  check_invariants([](Plan& plan) {
    plan.repeat = 0.4;
    plan.longest_delay_ms = 150;
  });
}

TEST_CASE("the books balance when bytes of messages change") {
  check_invariants([](Plan& plan) { plan.corrupt = 0.1; });
}

TEST_CASE("the books balance when workers are killed") {
  check_invariants([](Plan& plan) { plan.kill_worker = 3.0; });
}

TEST_CASE("the books balance when the learner is killed and resumes from a checkpoint") {
  check_invariants([](Plan& plan) { plan.kill_learner = 2.0; });
}

TEST_CASE("the books balance when the network parts, one way or both") {
  check_invariants([](Plan& plan) { plan.partition = 3.0; });
}

TEST_CASE("the books balance when connections are replaced") {
  check_invariants([](Plan& plan) { plan.reconnect = 5.0; });
}

TEST_CASE("the books balance when processes stand still and clocks skip time") {
  check_invariants([](Plan& plan) {
    plan.stall = 2.0;
    plan.clock_jump = 2.0;
  });
}

TEST_CASE("a seed replays exactly, another seed is another run") {
  std::string trace;
  std::string again;
  const Outcome outcome = simulate(plan_of(5), &trace);
  CHECK(simulate(plan_of(5), &again).trace_hash == outcome.trace_hash);
  CHECK(again == trace);
  CHECK(simulate(plan_of(6)).trace_hash != outcome.trace_hash);
}

TEST_CASE("every kind of fault happens to somebody among the first seeds") {
  std::string trace;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) simulate(plan_of(seed), &trace);
  for (const char* what : {"kill  worker", "kill  learner", "partition  worker", "reconnect  worker",
                           "stall  worker", "stall  learner", "clock jump  worker",
                           "clock jump  learner"}) {
    CAPTURE(what);
    CHECK(trace.find(what) != trace.npos);
  }
}

TEST_SUITE_END();
