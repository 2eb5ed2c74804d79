#include "rl/replay/batch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "replay/replay_fragments.h"
#include "rl/core/error.h"
#include "rl/core/rng.h"

namespace rl::replay {
namespace {

using test::fragment;

// Two observations, one of odd size, and two actions: nothing that only works for CartPole.
std::shared_ptr<const FragmentSchema> mixed_schema() {
  return std::make_shared<const FragmentSchema>(make_schema(
      {.name = "mixed",
       .observations = {{.name = "pixels", .dtype = DType::u8, .shape = {7, 11}},
                        {.name = "speed", .dtype = DType::f64, .shape = {3}}},
       .actions = {{.name = "gear", .dtype = DType::i32, .low = {0}, .high = {5}},
                   {.name = "wheel", .shape = {2}}}}));
}

FragmentPtr noise(const std::shared_ptr<const FragmentSchema>& schema, std::size_t num_steps,
                  FragmentEnd end, RngStream& random) {
  Fragment made(schema, num_steps);
  made.header().end = end;
  for (std::size_t c = 0; c < schema->columns().size(); ++c) {
    const std::size_t bytes =
        schema->num_rows(c, num_steps) * schema->columns()[c].tensor.row_bytes();
    for (std::size_t i = 0; i < bytes; ++i) {
      made.row(c, 0)[i] = static_cast<std::byte>(random.below(256));
    }
  }
  for (float& reward : made.column<float>(schema->require(kRewardColumn))) {
    reward = static_cast<float>(random.uniform(-1.0, 1.0));
  }
  return std::make_shared<const Fragment>(std::move(made));
}

void check_rows(const BatchColumn& column, std::size_t b, const Fragment& fragment,
                std::size_t step) {
  const std::size_t index = fragment.schema().require(column.column->tensor.name);
  const std::size_t bytes = column.column->tensor.row_bytes();
  REQUIRE(std::memcmp(column.data.data() + b * bytes, fragment.row(index, step), bytes) == 0);
}

// The definition, in double, from one row after the other.
void check_against_definition(const TransitionBatch& batch, std::span<const Item> items,
                              std::size_t n_step, double discount) {
  for (std::size_t b = 0; b < items.size(); ++b) {
    const Fragment& fragment = *items[b].fragment;
    const auto rewards = fragment.column<float>(fragment.schema().require(kRewardColumn));
    double sum = 0.0;
    std::size_t row = items[b].step;
    std::size_t summed = 0;
    while (summed < n_step && row < fragment.num_steps()) {
      sum += std::pow(discount, static_cast<double>(summed++)) * rewards[row++];
    }
    const bool value_is_zero =
        row == fragment.num_steps() && fragment.header().end == FragmentEnd::terminated;
    const double factor = value_is_zero ? 0.0 : std::pow(discount, static_cast<double>(summed));
    REQUIRE(batch.rewards[b] == doctest::Approx(sum).epsilon(1e-6));
    REQUIRE(batch.discounts[b] == doctest::Approx(factor).epsilon(1e-6));
    for (const auto& column : batch.observations) check_rows(column, b, fragment, items[b].step);
    for (const auto& column : batch.actions) check_rows(column, b, fragment, items[b].step);
    for (const auto& column : batch.next_observations) check_rows(column, b, fragment, row);
  }
}

TEST_SUITE("gather_transitions") {
  TEST_CASE("one step of CartPole-like experience lies in plain arrays") {
    const std::vector<Item> items = {{.fragment = fragment(4, 7), .step = 2},
                                     {.fragment = fragment(3, 9), .step = 0}};
    const TransitionBatch batch = gather_transitions(items, 1, 0.5);
    REQUIRE(batch.size == 2);
    REQUIRE(batch.observations.size() == 1);
    CHECK(batch.observations[0].column->tensor.name == "observation.state");
    const auto observation = batch.observations[0].as<float>();
    CHECK(std::vector<float>(observation.begin(), observation.end()) ==
          std::vector<float>{7, 2, 20, 200, 9, 0, 0, 0});
    const auto next = batch.next_observations[0].as<float>();
    CHECK(std::vector<float>(next.begin(), next.end()) ==
          std::vector<float>{7, 3, 30, 300, 9, 1, 10, 100});
    const auto action = batch.actions[0].as<std::int64_t>();
    CHECK(std::vector<std::int64_t>(action.begin(), action.end()) ==
          std::vector<std::int64_t>{0, 0});
    CHECK(batch.rewards == std::vector<float>{7.125F, 9.0F});
    CHECK(batch.discounts == std::vector<float>{0.5F, 0.5F});
  }

  TEST_CASE("windows of every length agree with the definition at every step and every end") {
    const auto schema = mixed_schema();
    RngStream random(3, RngRole::test, 0);
    for (const std::size_t n_step : {1, 2, 3, 5, 50}) {
      for (const double discount : {0.0, 0.9, 0.99, 1.0}) {
        std::vector<Item> items;
        for (const FragmentEnd end :
             {FragmentEnd::running, FragmentEnd::terminated, FragmentEnd::truncated}) {
          for (const std::size_t num_steps : {1, 2, 7, 33}) {
            const auto one = noise(schema, num_steps, end, random);
            for (std::uint32_t step = 0; step < num_steps; ++step) items.push_back({one, step});
          }
        }
        const TransitionBatch batch = gather_transitions(items, n_step, discount);
        REQUIRE(batch.observations.size() == 2);
        REQUIRE(batch.actions.size() == 2);
        check_against_definition(batch, items, n_step, discount);
      }
    }
    CHECK(schema->columns().size() == 7);
  }

  TEST_CASE("only a window that reaches a terminated end has discount 0") {
    const std::vector<FragmentEnd> ends = {FragmentEnd::terminated, FragmentEnd::truncated,
                                           FragmentEnd::running};
    std::vector<float> discounts;
    for (const FragmentEnd end : ends) {
      const std::vector<Item> items = {{.fragment = fragment(4, 0, end), .step = 1},
                                       {.fragment = fragment(4, 0, end), .step = 3}};
      const TransitionBatch batch = gather_transitions(items, 2, 0.5);
      discounts.insert(discounts.end(), batch.discounts.begin(), batch.discounts.end());
    }
    CHECK(discounts == std::vector<float>{0.25F, 0.0F, 0.25F, 0.5F, 0.25F, 0.5F});
  }

  TEST_CASE("the batch outlives the fragments it came from") {
    TransitionBatch batch;
    {
      const std::vector<Item> items = {{.fragment = fragment(2, 5), .step = 1}};
      batch = gather_transitions(items, 1, 0.9);
    }
    CHECK(batch.observations[0].as<float>()[0] == 5.0F);
    CHECK(batch.observations[0].column->tensor.name == "observation.state");
  }

  TEST_CASE("what cannot be gathered is refused") {
    const std::vector<Item> items = {{.fragment = fragment(2), .step = 1}};
    const auto refused = [](std::span<const Item> some, std::size_t n_step, double discount,
                            const char* text) {
      CHECK_THROWS_WITH_AS(gather_transitions(some, n_step, discount), doctest::Contains(text),
                           Error);
    };
    refused({}, 1, 0.9, "no items");
    refused(items, 0, 0.9, "n_step");
    refused(items, 1, -0.1, "discount");
    refused(items, 1, 1.1, "discount");
    refused(items, 1, std::nan(""), "discount");
    const std::vector<Item> behind = {{.fragment = fragment(2), .step = 2}};
    refused(behind, 1, 0.9, "end");
    RngStream random(1, RngRole::test, 0);
    const std::vector<Item> mixed = {
        items[0], {.fragment = noise(mixed_schema(), 2, FragmentEnd::running, random)}};
    refused(mixed, 1, 0.9, "schemas");
    const auto no_reward = std::make_shared<const FragmentSchema>(
        std::vector<ColumnSpec>{{{.name = "observation.x"}, true}});
    const std::vector<Item> without = {
        {.fragment = std::make_shared<const Fragment>(no_reward, 1)}};
    refused(without, 1, 0.9, "reward");
    const auto wide_reward = std::make_shared<const FragmentSchema>(
        std::vector<ColumnSpec>{{{.name = "reward", .dtype = DType::f64}, false}});
    const std::vector<Item> wide = {{.fragment = std::make_shared<const Fragment>(wide_reward, 1)}};
    refused(wide, 1, 0.9, "f64");
  }
}

}  // namespace
}  // namespace rl::replay
