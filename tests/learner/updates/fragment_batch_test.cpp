#include "learner/updates/fragment_batch.h"

#include <doctest/doctest.h>

#include <limits>

#include "learner/updates/toy_rollouts.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

EnvironmentSpec mixed_spec() {
  EnvironmentSpec spec{.name = "Mixed-v0"};
  spec.observations = {{.name = "position", .dtype = DType::f64, .shape = {2}},
                       {.name = std::string(kActionMaskName), .dtype = DType::u8, .shape = {3}},
                       {.name = "lamp", .dtype = DType::u8, .shape = {}}};
  spec.actions = {{.name = "action", .dtype = DType::i32, .low = {0.0}, .high = {2.0}}};
  return spec;
}

std::shared_ptr<Fragment> numbered(const EnvironmentSpec& spec, std::size_t steps, int base) {
  auto fragment =
      std::make_shared<Fragment>(std::make_shared<const FragmentSchema>(make_schema(spec)), steps);
  for (std::size_t t = 0; t <= steps; ++t) {
    const int number = base + static_cast<int>(t);
    auto* position = reinterpret_cast<double*>(fragment->row(0, t));
    position[0] = number;
    position[1] = -number;
    reinterpret_cast<std::uint8_t*>(fragment->row(1, t))[t % 3] = 1;
    *reinterpret_cast<std::uint8_t*>(fragment->row(2, t)) = static_cast<std::uint8_t>(number);
    if (t == steps) break;
    *reinterpret_cast<std::int32_t*>(fragment->row(3, t)) = static_cast<int>(t % 3);
    *reinterpret_cast<float*>(fragment->row(4, t)) = static_cast<float>(10 * number);
    *reinterpret_cast<float*>(fragment->row(5, t)) = -0.5F * static_cast<float>(number);
  }
  fragment->header().environment = static_cast<std::uint64_t>(base);
  return fragment;
}

}  // namespace

TEST_SUITE("gather_fragments") {
  TEST_CASE("columns of several types become flat rows, final observations behind the steps") {
    const EnvironmentSpec spec = mixed_spec();
    auto second = numbered(spec, 1, 7);
    second->header().end = FragmentEnd::truncated;
    const std::vector<FragmentPtr> fragments{numbered(spec, 2, 1), second};
    const FragmentBatch batch = gather_fragments(fragments, spec);
    CHECK(batch.num_steps() == 3);
    CHECK(batch.num_fragments() == 2);
    CHECK(batch.num_inputs == 3);
    CHECK(batch.observations ==
          std::vector<float>{1, -1, 1, 2, -2, 2, 7, -7, 7, /*final*/ 3, -3, 3, 8, -8, 8});
    CHECK(batch.masks == std::vector<std::uint8_t>{1, 0, 0, 0, 1, 0, 1, 0, 0});
    CHECK(batch.discrete == std::vector<std::int64_t>{0, 1, 0});
    CHECK(batch.continuous.empty());
    CHECK(batch.rewards == std::vector<float>{10, 20, 70});
    CHECK(batch.log_probs == std::vector<float>{-0.5F, -1.0F, -3.5F});
    CHECK(batch.first_steps == std::vector<std::size_t>{0, 2, 3});
    CHECK(batch.ends == std::vector<FragmentEnd>{FragmentEnd::running, FragmentEnd::truncated});
    CHECK(batch.environments == std::vector<std::uint64_t>{1, 7});
  }

  TEST_CASE("a fragment of another schema is refused with the missing column") {
    const std::vector<FragmentPtr> fragments{numbered(mixed_spec(), 2, 1)};
    CHECK_THROWS_WITH_AS(gather_fragments(fragments, toy_spec(discrete_action({1.0}))),
                         doctest::Contains("observation.state"), Error);
  }

  TEST_CASE("every float column is searched for numbers that are not finite") {
    const EnvironmentSpec spec = mixed_spec();
    const std::vector<FragmentPtr> fragments{numbered(spec, 2, 1)};
    FragmentBatch batch = gather_fragments(fragments, spec);
    CHECK(is_finite(batch));
    for (std::vector<float>* column : {&batch.observations, &batch.rewards, &batch.log_probs}) {
      const float kept = column->back();
      column->back() = std::numeric_limits<float>::infinity();
      CHECK_FALSE(is_finite(batch));
      column->back() = kept;
    }
    batch.continuous = {std::numeric_limits<float>::quiet_NaN()};
    CHECK_FALSE(is_finite(batch));
  }
}
