#include "rl/core/spec.h"

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {
namespace {

EnvironmentSpec good_spec() {
  return {
      .name = "Task",
      .observations = {{.name = "state", .shape = {3}, .low = {-1, -2, -3}, .high = {5}},
                       {.name = std::string(kActionMaskName),
                        .dtype = DType::u8,
                        .shape = {5},
                        .low = {0},
                        .high = {1}}},
      .actions = {{.name = "act", .dtype = DType::i64, .shape = {2}, .low = {0}, .high = {2, 1}}},
      .max_episode_steps = 10};
}

}  // namespace

TEST_SUITE("specs") {
  TEST_CASE("element sizes and counts") {
    CHECK(size_bytes(DType::u8) == 1);
    CHECK(size_bytes(DType::bf16) == 2);
    CHECK(size_bytes(DType::f16) == 2);
    CHECK(size_bytes(DType::i32) == 4);
    CHECK(size_bytes(DType::f32) == 4);
    CHECK(size_bytes(DType::i64) == 8);
    CHECK(size_bytes(DType::f64) == 8);
    CHECK_THROWS_AS(size_bytes(static_cast<DType>(99)), Error);
    CHECK(num_elements({}) == 1);
    CHECK(num_elements({2, 3}) == 6);
    CHECK(num_elements({2, 0}) == 0);
    CHECK(num_elements({2, -1}) == 0);
    CHECK(good_spec().observations[0].row_bytes() == 12);
  }

  TEST_CASE("bounds are per element, shared or absent") {
    const TensorSpec spec = good_spec().observations[0];
    CHECK(spec.low_at(2) == -3.0);
    CHECK(spec.high_at(2) == 5.0);
    CHECK(TensorSpec{}.low_at(0) == -std::numeric_limits<double>::infinity());
    CHECK(TensorSpec{}.high_at(0) == std::numeric_limits<double>::infinity());
    CHECK(good_spec().actions[0].num_categories(0) == 3);
    CHECK(good_spec().actions[0].num_categories(1) == 2);
  }

  TEST_CASE("a right spec is accepted") {
    CHECK_NOTHROW(validate(good_spec()));
  }

  TEST_CASE("every contradiction is refused, naming the field") {
    struct Case {
      const char* mentions;
      std::function<void(EnvironmentSpec&)> spoil;
    };
    const std::vector<Case> cases{
        {"no name", [](auto& s) { s.name.clear(); }},
        {"observations", [](auto& s) { s.observations.clear(); }},
        {"actions", [](auto& s) { s.actions.clear(); }},
        {"reward", [](auto& s) { s.reward_low = s.reward_high; }},
        {"max_episode_steps", [](auto& s) { s.max_episode_steps = -1; }},
        {"no name", [](auto& s) { s.observations[0].name.clear(); }},
        {"state is empty", [](auto& s) { s.observations[0].shape = {0}; }},
        {"state has bounds",
         [](auto& s) {
           s.observations[0].low = {-1, -2};
         }},
        {"low above high", [](auto& s) { s.observations[0].high = {-2.5}; }},
        {"low above high", [](auto& s) { s.observations[0].low = {std::nan("")}; }},
        {"act does not start", [](auto& s) { s.actions[0].low = {1}; }},
        {"act has no upper", [](auto& s) { s.actions[0].high = {}; }},
        {"action_mask does not fit", [](auto& s) { s.observations[1].shape = {4}; }},
        {"action_mask does not fit", [](auto& s) { s.observations[1].dtype = DType::f32; }},
        {"masks a continuous", [](auto& s) { s.actions[0].dtype = DType::f32; }},
    };
    for (const Case& spoilt : cases) {
      EnvironmentSpec spec = good_spec();
      spoilt.spoil(spec);
      CHECK_THROWS_WITH_AS(validate(spec), doctest::Contains(spoilt.mentions), Error);
    }
  }

  TEST_CASE("the digest tells specs apart and is stable") {
    std::set<std::uint64_t> digests{digest(good_spec())};
    const std::vector<std::function<void(EnvironmentSpec&)>> changes{
        [](auto& s) { s.name = "Other"; },
        [](auto& s) { s.observations[0].dtype = DType::f64; },
        [](auto& s) {
          s.observations[0].shape = {1, 3};
        },
        [](auto& s) { s.observations[0].low[1] = -2.25; },
        [](auto& s) { s.actions[0].high[0] = 3; },
        [](auto& s) { s.max_episode_steps = 11; },
        [](auto& s) { s.reward_high = 2.0; },
    };
    for (const auto& change : changes) {
      EnvironmentSpec spec = good_spec();
      change(spec);
      CHECK(digests.insert(digest(spec)).second);
    }
    CHECK(digest(good_spec()) == digest(good_spec()));
  }

  TEST_CASE("a spec is read back from its own text") {
    CHECK(spec_from_text(describe(good_spec())) == good_spec());
    EnvironmentSpec unbounded = good_spec();
    unbounded.observations[0].low = {-1, -std::numeric_limits<double>::infinity(), -0.1};
    unbounded.observations[0].high = {};
    CHECK(spec_from_text(describe(unbounded)) == unbounded);
  }

  TEST_CASE("text with a line missing, doubled, cut or unknown is no spec") {
    const std::string text = describe(good_spec());
    for (std::size_t size = 0; size + 1 < text.size(); ++size) {
      CAPTURE(size);
      bool is_read_as_written = false;
      try {
        is_read_as_written = spec_from_text(text.substr(0, size)) == good_spec();
      } catch (const Error&) {
      }
      CHECK_FALSE(is_read_as_written);
    }
    CHECK_THROWS_AS(spec_from_text(text + "colour blue\n"), Error);
    CHECK_THROWS_AS(spec_from_text("environment Task\n"), Error);
    CHECK_THROWS_AS(spec_from_text(""), Error);
  }

  TEST_CASE("names are found") {
    CHECK(find(good_spec().observations, "action_mask") == 1);
    CHECK(find(good_spec().observations, "absent") == -1);
  }
}

}  // namespace rl
