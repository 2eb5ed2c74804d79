#include "rl/rollout/episode_recorder.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

EnvironmentSpec two_field_spec() {
  return {.name = "Two-Fields",
          .observations = {{.name = "position", .dtype = DType::f32, .shape = {2}},
                           {.name = "ticks", .dtype = DType::i32}},
          .actions = {{.name = "push", .dtype = DType::i32, .low = {0}, .high = {4}}}};
}

// A counter plays the environment: observation k is (k, -k) and k, action k % 5, reward k.
struct Script {
  std::shared_ptr<const FragmentSchema> schema =
      std::make_shared<const FragmentSchema>(make_schema(two_field_spec()));
  EpisodeRecorder recorder{schema, 3};
  int k = 0;

  void write(Fields row) const {
    row.as<float>(0)[0] = static_cast<float>(k);
    row.as<float>(0)[1] = static_cast<float>(-k);
    *row.as<std::int32_t>(1) = k;
  }
  void open(std::size_t capacity) {
    const bool begins = recorder.at_episode_start();
    recorder.open(capacity);
    if (begins) write(recorder.observation());
  }
  void step(StepResult result = {}) {
    *recorder.action().as<std::int32_t>(0) = k % 5;
    *recorder.log_prob() = -0.5F;
    ++k;
    write(recorder.next_observation());
    result.reward = static_cast<float>(k);
    recorder.record(result, static_cast<std::uint64_t>(k));
  }
};

TEST_SUITE("episode recorder") {
  TEST_CASE("steps land in their columns and the final row is the observation that followed") {
    Script script;
    script.open(3);
    for (int i = 0; i < 3; ++i) script.step();
    CHECK(script.recorder.is_full());
    const auto fragment = script.recorder.finish();
    CHECK(fragment->num_steps() == 3);
    CHECK(fragment->header().environment == 3);
    CHECK(fragment->header().end == FragmentEnd::running);
    const auto positions = fragment->column<float>(0);
    const auto ticks = fragment->column<std::int32_t>(1);
    const auto rewards = fragment->column<float>(fragment->schema().require(kRewardColumn));
    const auto versions =
        fragment->column<std::int64_t>(fragment->schema().require(kPolicyVersionColumn));
    REQUIRE(ticks.size() == 4);
    for (int i = 0; i <= 3; ++i) {
      CHECK(positions[2 * i] == static_cast<float>(i));
      CHECK(ticks[i] == i);
    }
    for (int i = 0; i < 3; ++i) {
      CHECK(rewards[i] == static_cast<float>(i + 1));
      CHECK(versions[i] == i + 1);
      CHECK(fragment->column<std::int32_t>(2)[i] == i % 5);
    }
  }

  TEST_CASE("the next fragment of an episode begins with the last one's final row") {
    Script script;
    script.open(2);
    script.step();
    script.step();
    script.recorder.finish();
    script.open(2);
    script.step();
    const auto second = script.recorder.finish();
    CHECK(second->column<std::int32_t>(1)[0] == 2);
    CHECK(second->header().first_step == 2);
    CHECK(second->header().sequence == 1);
    CHECK(second->header().episode == 0);
    CHECK(second->header().episode_return == doctest::Approx(1 + 2 + 3));
  }

  TEST_CASE("an end closes the episode and the next fragment starts another") {
    Script script;
    script.open(8);
    script.step();
    script.step({.truncated = true});
    const auto first = script.recorder.finish();
    CHECK(first->num_steps() == 2);
    CHECK(first->header().end == FragmentEnd::truncated);
    CHECK(first->block().size() == script.schema->block_bytes(2));
    CHECK(script.recorder.at_episode_start());
    script.open(8);
    script.step({.terminated = true});
    const auto second = script.recorder.finish();
    CHECK(second->header().end == FragmentEnd::terminated);
    CHECK(second->header().episode == 1);
    CHECK(second->header().first_step == 0);
    CHECK(second->header().episode_return == doctest::Approx(3));
  }

  TEST_CASE("an abandoned fragment uses up no sequence number") {
    Script script;
    script.open(4);
    script.recorder.abandon();
    CHECK_FALSE(script.recorder.is_open());
    script.open(4);
    script.step();
    CHECK(script.recorder.finish()->header().sequence == 0);
  }

  TEST_CASE("a saved observation of the wrong size is refused") {
    Script script;
    CHECK_THROWS_AS(script.recorder.set_carried_observation(std::vector<std::byte>(11)), Error);
    CHECK_NOTHROW(script.recorder.set_carried_observation(std::vector<std::byte>(12)));
  }
}

}  // namespace
}  // namespace rl::rollout
