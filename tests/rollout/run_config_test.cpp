#include "rl/rollout/run_config.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

RunConfig example() {
  return {.environment = "CartPole-v1",
          .seed = 18446744073709551615ULL,
          .num_environments = 10,
          .num_slots = 4,
          .mode = Mode::async,
          .steps_per_round = 32,
          .fragment_steps = 64};
}

TEST_SUITE("run configuration") {
  TEST_CASE("what a worker reads is what the learner wrote") {
    CHECK(run_config_from_text(to_text(example())) == example());
  }

  TEST_CASE("an unknown, missing, doubled or malformed value is named") {
    const std::string text = to_text(example());
    CHECK_THROWS_WITH_AS(run_config_from_text(text + "colour = red\n"),
                         doctest::Contains("colour"), Error);
    CHECK_THROWS_WITH_AS(run_config_from_text(text.substr(text.find('\n') + 1)),
                         doctest::Contains("'environment' is missing"), Error);
    CHECK_THROWS_WITH_AS(run_config_from_text(text + "seed = 3\n"),
                         doctest::Contains("twice"), Error);
    CHECK_THROWS_WITH_AS(run_config_from_text(text + "nonsense\n"),
                         doctest::Contains("nonsense"), Error);
    for (const char* bad : {"-1", "1x", "", "0", "99999999999"}) {
      std::string wrong = text;
      wrong.replace(wrong.find("num_slots = 4"), 13, std::string("num_slots = ") + bad);
      CHECK_THROWS_WITH_AS(run_config_from_text(wrong), doctest::Contains("num_slots"), Error);
    }
  }

  TEST_CASE("the slots together cover every environment once") {
    for (std::uint32_t environments = 1; environments <= 17; ++environments) {
      for (std::uint32_t slots = 1; slots <= 17; ++slots) {
        RunConfig config = example();
        config.num_environments = environments;
        config.num_slots = slots;
        std::uint32_t next = 0;
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
          const auto range = environments_of_slot(config, slot);
          CHECK(range.first == next);
          CHECK(range.count <= environments / slots + 1);
          next += range.count;
        }
        CHECK(next == environments);
      }
    }
  }

  TEST_CASE("an assignment survives the wire, and an empty one is a fresh start") {
    const Assignment sent{.round = 7, .continuations = {Bytes(3, std::byte{1}), Bytes{}}};
    const Assignment read = assignment_from_bytes(to_bytes(sent), 2);
    CHECK(read.round == 7);
    CHECK(read.continuations == sent.continuations);
    CHECK(assignment_from_bytes({}, 2).round == 1);
    CHECK(assignment_from_bytes({}, 2).continuations.size() == 2);
  }

  TEST_CASE("an assignment cut short anywhere, or for other environments, is refused") {
    const Bytes whole =
        to_bytes({.round = 7, .continuations = {Bytes(3, std::byte{1}), Bytes(1)}});
    for (std::size_t size = 1; size < whole.size(); ++size) {
      CHECK_THROWS_AS(assignment_from_bytes(std::span(whole).first(size), 2), Error);
    }
    CHECK_THROWS_AS(assignment_from_bytes(whole, 3), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
