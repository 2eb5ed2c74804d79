#include "rl/rollout/collector.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>

#include "rl/core/error.h"
#include "rl/envs/registry.h"
#include "support/policy_weights.h"

namespace rl::rollout {
namespace {

constexpr std::uint32_t kEnvironments = 6;

struct Lab {
  std::string environment = "CartPole-v1";
  EnvironmentSpec spec = make_environment(environment)->spec();
  std::shared_ptr<const FragmentSchema> schema =
      std::make_shared<const FragmentSchema>(make_schema(spec));
  EnvironmentFactory factory = [this] { return make_environment(environment); };

  RunConfig config(std::uint64_t seed, std::uint32_t slots) const {
    return {.environment = environment,
            .seed = seed,
            .num_environments = kEnvironments,
            .num_slots = slots,
            .mode = Mode::lockstep,
            .steps_per_round = 40,
            .fragment_steps = 16};
  }
};

// (environment, sequence) -> bytes
using Produced = std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes>;

Collector::Sink into(Produced& produced, std::vector<Bytes>* continuations = nullptr) {
  return [&produced, continuations](FragmentPtr fragment) {
    const auto block = fragment->block();
    const auto& header = fragment->header();
    const auto key = std::pair(header.environment, header.sequence);
    CHECK(produced.emplace(key, Bytes(block.begin(), block.end())).second);
    if (continuations && header.ends_round) {
      const auto bytes = fragment->continuation();
      (*continuations)[header.environment].assign(bytes.begin(), bytes.end());
    }
    return true;
  };
}

Produced collect_rounds(const Lab& lab, std::uint64_t seed, std::uint32_t slots, int rounds) {
  Produced produced;
  const RunConfig config = lab.config(seed, slots);
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const auto range = environments_of_slot(config, slot);
    Collector collector(config, range, lab.factory, lab.schema,
                        assignment_from_bytes({}, range.count));
    for (int round = 1; round <= rounds; ++round) {
      const auto version = static_cast<std::uint64_t>(round);
      auto policy = make_policy(lab.spec, tests::random_weights(lab.spec, 5, version));
      CHECK(collector.collect(*policy, config.steps_per_round, version, into(produced)));
    }
  }
  return produced;
}

TEST_SUITE("collector") {
  TEST_CASE("fragments are the same bytes however the environments are shared out") {
    const Lab lab;
    const Produced one = collect_rounds(lab, 1, 1, 4);
    CHECK(one == collect_rounds(lab, 1, 2, 4));
    CHECK(one == collect_rounds(lab, 1, kEnvironments, 4));
    CHECK(one != collect_rounds(lab, 2, 1, 4));
  }

  TEST_CASE("every environment makes the asked steps and ends the round once") {
    const Lab lab;
    const Produced produced = collect_rounds(lab, 1, 1, 3);
    std::map<std::uint64_t, std::size_t> steps, ends;
    for (const auto& [key, bytes] : produced) {
      const auto fragment = Fragment::from_block(lab.schema, bytes);
      steps[key.first] += fragment.num_steps();
      ends[key.first] += fragment.header().ends_round;
      CHECK(fragment.num_steps() <= 16);
      CHECK(find_defect(fragment, lab.spec) == "");
      CHECK((fragment.header().continuation_bytes > 0) == (fragment.header().ends_round == 1));
    }
    CHECK(steps.size() == kEnvironments);
    for (const auto& [environment, count] : steps) CHECK(count == 3 * 40);
    for (const auto& [environment, count] : ends) CHECK(count == 3);
  }

  TEST_CASE("a new collector continues from the continuations as if it had been there all along") {
    const Lab lab;
    const RunConfig config = lab.config(3, 1);
    const EnvironmentRange all{0, kEnvironments};
    std::vector<Bytes> continuations(kEnvironments);
    Collector first(config, all, lab.factory, lab.schema, assignment_from_bytes({}, 6));
    for (std::uint64_t round = 1; round <= 6; ++round) {
      auto policy = make_policy(lab.spec, tests::random_weights(lab.spec, 5, round));
      Collector replacement(config, all, lab.factory, lab.schema,
                            {.round = round, .continuations = continuations});
      Produced again;
      replacement.collect(*policy, config.steps_per_round, round, into(again));
      Produced expected;
      first.collect(*policy, config.steps_per_round, round, into(expected, &continuations));
      CHECK(again == expected);
    }
  }

  TEST_CASE("outside rounds fragments stay open across calls and finish_open gives the rest") {
    const Lab lab;
    RunConfig config = lab.config(4, 1);
    config.mode = Mode::async;
    Collector collector(config, {0, kEnvironments}, lab.factory, lab.schema,
                        assignment_from_bytes({}, kEnvironments));
    auto policy = make_policy(lab.spec, tests::random_weights(lab.spec, 5, 1));
    Produced produced;
    for (int call = 0; call < 30; ++call) collector.collect(*policy, 3, 0, into(produced));
    CHECK(collector.finish_open(into(produced)));
    std::size_t steps = 0;
    for (const auto& [key, bytes] : produced) {
      const auto fragment = Fragment::from_block(lab.schema, bytes);
      steps += fragment.num_steps();
      CHECK(fragment.header().round == 0);
      CHECK(fragment.header().ends_round == 0);
    }
    CHECK(steps == 30 * 3 * kEnvironments);
    CHECK(collector.num_steps() == steps);
  }

  TEST_CASE("a sink that refuses ends the collection") {
    const Lab lab;
    Collector collector(lab.config(1, 1), {0, kEnvironments}, lab.factory, lab.schema,
                        assignment_from_bytes({}, kEnvironments));
    auto policy = make_policy(lab.spec, tests::random_weights(lab.spec, 5, 1));
    CHECK_FALSE(collector.collect(*policy, 40, 1, [](FragmentPtr) { return false; }));
  }

  TEST_CASE("a damaged continuation is refused with the environment's number") {
    const Lab lab;
    std::vector<Bytes> continuations(kEnvironments);
    continuations[4] = Bytes(10, std::byte{1});
    CHECK_THROWS_WITH_AS(Collector(lab.config(1, 1), {0, kEnvironments}, lab.factory, lab.schema,
                                   {.round = 1, .continuations = continuations}),
                         doctest::Contains("environment 4"), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
