// simulate_protocol: runs seeded schedules of faults over the real protocol state machines.
//
// usage: simulate_protocol [--first S] [--seeds N]     a range of seeds, stopping at the first break
//        simulate_protocol --seed S                    one, with every event
#include <cstdio>
#include <cstring>
#include <string>

#include "faults/simulator/world.h"

using namespace rl::transport::simulator;

namespace {

int replay(std::uint64_t seed) {
  std::string trace;
  const Outcome outcome = simulate(plan_of(seed), &trace);
  std::fputs(trace.c_str(), stdout);
  std::printf("seed %llu: trace %016llx, %llu events, %llu fragments consumed, %s\n",
              static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(outcome.trace_hash),
              static_cast<unsigned long long>(outcome.events),
              static_cast<unsigned long long>(outcome.consumed),
              outcome.broken.empty() ? "all invariants held" : outcome.broken.c_str());
  return outcome.broken.empty() ? 0 : 1;
}

int run(std::uint64_t first, std::uint64_t seeds) {
  std::uint64_t events = 0;
  std::uint64_t consumed = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Outcome outcome = simulate(plan_of(seed));
    events += outcome.events;
    consumed += outcome.consumed;
    if (outcome.broken.empty()) continue;
    std::printf("seed %llu broke: %s\nreplay it with --seed %llu\n",
                static_cast<unsigned long long>(seed), outcome.broken.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%llu seeds from %llu, %llu events, %llu fragments consumed: 0 invariants broken\n",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(consumed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::uint64_t number = std::stoull(argv[i + 1]);
    if (std::strcmp(argv[i], "--seed") == 0) return replay(number);
    if (std::strcmp(argv[i], "--first") == 0) first = number;
    if (std::strcmp(argv[i], "--seeds") == 0) seeds = number;
  }
  return run(first, seeds);
}
