#include "learner/updates/ppo_algorithm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "learner/updates/toy_rollouts.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::tests;

namespace {

float reward_for_action_one(const float*, const std::byte* action) {
  return *reinterpret_cast<const std::int64_t*>(action) == 1 ? 1.0F : 0.0F;
}

float reward_near_half(const float*, const std::byte* action) {
  const auto* values = reinterpret_cast<const float*>(action);
  return -std::abs(values[0] - 0.5F) - std::abs(values[1] + 0.5F);
}

TrainOptions options_for(const Toy& toy) {
  TrainOptions options;
  options.num_environments = toy.num_environments;
  options.total_steps = 100000;
  options.ppo.rollout_steps = toy.steps;
  options.ppo.minibatch_size = 32;
  options.ppo.network.hidden = {16, 16};
  options.ppo.learning_rate = 3e-3;
  return options;
}

Toy bandit() {
  return {.spec = toy_spec(discrete_action({2.0})), .reward = reward_for_action_one};
}

// Rounds of collecting and updating, numbered from `first`.
struct Run {
  Run(const Toy& toy_in, const TrainOptions& options)
      : toy(toy_in), algorithm(make_algorithm(options, toy.spec)),
        table(algorithm->table_options()), total_steps(options.total_steps) {}

  UpdateReport round(std::uint64_t number) {
    TrainingProgress progress{.environment_steps = (number - 1) * round_steps(),
                              .total_steps = total_steps, .weight_version = number};
    insert_all(table, toy_round(toy, *algorithm, progress, number));
    progress.environment_steps += round_steps();
    const auto report = algorithm->update(table, progress);
    REQUIRE(report.has_value());
    return *report;
  }
  std::uint64_t round_steps() const { return toy.num_environments * toy.steps; }

  Toy toy;
  std::unique_ptr<Algorithm> algorithm;
  replay::Table table;
  std::uint64_t total_steps;
};

struct Case {
  const char* name;
  Toy toy;
  bool squash = false;
};

std::vector<Case> every_head() {
  Toy multi{.spec = toy_spec(discrete_action({2.0, 3.0}, {2})), .reward = reward_for_action_one};
  Toy masked{.spec = toy_spec(discrete_action({3.0}), true), .reward = reward_for_action_one};
  Toy masked_multi{.spec = toy_spec(discrete_action({2.0, 3.0}, {2}), true),
                   .reward = reward_for_action_one};
  Toy gaussian{.spec = toy_spec(continuous_action(1.0)), .reward = reward_near_half};
  return {{"categorical", bandit()}, {"multi-discrete", multi}, {"masked", masked},
          {"masked multi-discrete", masked_multi}, {"gaussian", gaussian},
          {"squashed gaussian", gaussian, true}};
}

}  // namespace

TEST_SUITE("PpoAlgorithm") {
  TEST_CASE("an update waits until a whole round is in the table") {
    const Toy toy = bandit();
    Run run(toy, options_for(toy));
    auto fragments = toy_round(toy, *run.algorithm, {}, 1);
    const FragmentPtr last = fragments.back();
    fragments.pop_back();
    insert_all(run.table, fragments);
    CHECK_FALSE(run.algorithm->update(run.table, {}).has_value());
    CHECK(run.table.num_items() == fragments.size());
    insert_all(run.table, {last});
    const auto report = run.algorithm->update(run.table, {});
    REQUIRE(report.has_value());
    CHECK(report->steps_consumed == run.round_steps());
    CHECK(report->gradient_steps == 4 * run.round_steps() / 32);
    CHECK(report->skipped_steps == 0);
    CHECK(run.table.num_items() == 0);
  }

  TEST_CASE("the learner's first log-probabilities equal the worker's for every head") {
    for (const Case& test : every_head()) {
      CAPTURE(test.name);
      TrainOptions options = options_for(test.toy);
      options.ppo.squash_actions = test.squash;
      options.ppo.normalise_observations = true;
      options.ppo.minibatch_size = 4096;  // the first minibatch is the whole batch
      Run run(test.toy, options);
      for (std::uint64_t number = 1; number <= 4; ++number) {
        CHECK(run.round(number).metrics.at("log_prob_difference") < 1e-5);
      }
    }
  }

  TEST_CASE("the order in which fragments arrive does not matter") {
    const Toy toy = bandit();
    Run sorted(toy, options_for(toy));
    Run reversed(toy, options_for(toy));
    auto fragments = toy_round(toy, *sorted.algorithm, {}, 1);
    insert_all(sorted.table, fragments);
    std::reverse(fragments.begin(), fragments.end());
    insert_all(reversed.table, fragments);
    sorted.algorithm->update(sorted.table, {});
    reversed.algorithm->update(reversed.table, {});
    CHECK(sorted.algorithm->save_state() == reversed.algorithm->save_state());
  }

  TEST_CASE("equal seeds give the same bytes and another seed does not") {
    const Toy toy = bandit();
    const auto trained = [&](std::uint64_t seed) {
      TrainOptions options = options_for(toy);
      options.seed = seed;
      Run run(toy, options);
      run.round(1);
      return run.algorithm->save_state();
    };
    CHECK(trained(5) == trained(5));
    CHECK(trained(5) != trained(6));
  }

  TEST_CASE("a state saved in the middle continues with the same bytes for every head") {
    for (const Case& test : every_head()) {
      CAPTURE(test.name);
      TrainOptions options = options_for(test.toy);
      options.ppo.squash_actions = test.squash;
      options.ppo.normalise_observations = true;
      options.ppo.normalise_rewards = true;
      Run whole(test.toy, options);
      whole.round(1);
      whole.round(2);
      Run resumed(test.toy, options);
      resumed.algorithm->load_state(whole.algorithm->save_state());
      whole.round(3);
      resumed.round(3);
      CHECK(whole.algorithm->save_state() == resumed.algorithm->save_state());
      CHECK(whole.algorithm->weights_image({}) == resumed.algorithm->weights_image({}));
    }
  }

  TEST_CASE("a state of other networks is refused and changes nothing") {
    const Toy toy = bandit();
    Run run(toy, options_for(toy));
    run.round(1);
    TrainOptions other = options_for(toy);
    other.ppo.network.hidden = {8};
    const Bytes before = run.algorithm->save_state();
    CHECK_THROWS_AS(run.algorithm->load_state(Run(toy, other).algorithm->save_state()), Error);
    CHECK_THROWS_AS(run.algorithm->load_state({}), Error);
    CHECK(run.algorithm->save_state() == before);
  }

  TEST_CASE("a number that is not finite leaves weights and normalisers as they were") {
    for (const char* column : {"observation.state", "reward", "log_prob"}) {
      CAPTURE(column);
      const Toy toy = bandit();
      TrainOptions options = options_for(toy);
      options.ppo.normalise_observations = true;
      options.ppo.normalise_rewards = true;
      Run run(toy, options);
      run.round(1);
      const Bytes before = run.algorithm->weights_image({});
      auto fragments = toy_round(toy, *run.algorithm, {}, 2);
      auto poisoned = std::make_shared<Fragment>(fragments[3]->prefix(fragments[3]->num_steps()));
      poisoned->column<float>(poisoned->schema().require(column))[1] =
          std::numeric_limits<float>::quiet_NaN();
      fragments[3] = poisoned;
      insert_all(run.table, fragments);
      const auto report = run.algorithm->update(run.table, {.weight_version = 2});
      REQUIRE(report.has_value());
      CHECK(report->gradient_steps == 0);
      CHECK(report->skipped_steps == 4 * run.round_steps() / 32);
      CHECK(run.algorithm->weights_image({}) == before);
      CHECK(run.round(3).gradient_steps > 0);
    }
  }

  TEST_CASE("fragments more than max_staleness versions behind are dropped and counted") {
    const Toy toy = bandit();
    TrainOptions options = options_for(toy);
    options.ppo.max_staleness = 2;
    Run run(toy, options);
    auto fragments = toy_round(toy, *run.algorithm, {.weight_version = 7}, 1);
    auto old = std::make_shared<Fragment>(fragments[0]->prefix(fragments[0]->num_steps()));
    old->column<std::int64_t>(old->schema().require(kPolicyVersionColumn))[0] = 6;
    fragments[0] = old;
    insert_all(run.table, fragments);
    const auto report = run.algorithm->update(run.table, {.weight_version = 9});
    REQUIRE(report.has_value());
    CHECK(report->fragments_stale == 1);
    CHECK(report->steps_consumed == run.round_steps());
    CHECK(report->gradient_steps > 0);
    insert_all(run.table, toy_round(toy, *run.algorithm, {.weight_version = 7}, 2));
    const Bytes before = run.algorithm->save_state();
    const auto stale = run.algorithm->update(run.table, {.weight_version = 10});
    REQUIRE(stale.has_value());
    CHECK(stale->fragments_stale == fragments.size());
    CHECK(stale->gradient_steps == 0);
    CHECK(run.algorithm->save_state() == before);
  }

  TEST_CASE("the learning rate falls linearly to nothing at the end of the run") {
    const Toy toy = bandit();
    TrainOptions options = options_for(toy);
    options.total_steps = 4 * toy.num_environments * toy.steps;
    Run run(toy, options);
    for (std::uint64_t number = 1; number <= 4; ++number) {
      const double expected = 3e-3 * (1.0 - static_cast<double>(number - 1) / 4.0);
      CHECK(run.round(number).metrics.at("learning_rate") == doctest::Approx(expected));
    }
    options.ppo.anneal_learning_rate = false;
    Run constant(toy, options);
    CHECK(constant.round(3).metrics.at("learning_rate") == doctest::Approx(3e-3));
  }

  TEST_CASE("the epochs stop when the policy has moved more than the target") {
    const Toy toy = bandit();
    TrainOptions options = options_for(toy);
    options.ppo.learning_rate = 0.05;
    options.ppo.target_kl = 1e-4;
    Run run(toy, options);
    const UpdateReport report = run.round(1);
    CHECK(report.metrics.at("stopped_by_kl") == 1.0);
    CHECK(report.gradient_steps < 4 * run.round_steps() / 32);
    CHECK(report.gradient_steps > 0);
  }

  TEST_CASE("a bandit is learned within 40 updates for discrete actions") {
    for (const bool masked : {false, true}) {
      CAPTURE(masked);
      Toy toy = bandit();
      toy.spec = toy_spec(discrete_action({2.0}), masked);
      toy.reward = [](const float*, const std::byte* action) {
        return *reinterpret_cast<const std::int64_t*>(action) == 2 ? 1.0F : 0.0F;
      };
      TrainOptions options = options_for(toy);
      Run run(toy, options);
      for (std::uint64_t number = 1; number <= 40; ++number) run.round(number);
      double sum = 0.0;
      double count = 0.0;
      for (const auto& fragment : toy_round(toy, *run.algorithm, {}, 99)) {
        const auto rewards = fragment->column<float>(fragment->schema().require(kRewardColumn));
        for (const float reward : rewards) sum += reward;
        count += static_cast<double>(rewards.size());
      }
      CHECK(sum / count > 0.9);
    }
  }

  TEST_CASE("a continuous bandit is learned by both continuous heads") {
    for (const bool squash : {false, true}) {
      CAPTURE(squash);
      const Toy toy{.spec = toy_spec(continuous_action(1.0)), .reward = reward_near_half};
      TrainOptions options = options_for(toy);
      options.ppo.squash_actions = squash;
      options.ppo.entropy_coefficient = 0.0;
      options.ppo.initial_log_std = -0.5;
      options.ppo.learning_rate = 1e-2;
      options.ppo.normalise_rewards = true;
      Run run(toy, options);
      for (std::uint64_t number = 1; number <= 60; ++number) run.round(number);
      double sum = 0.0;
      double count = 0.0;
      for (const auto& fragment : toy_round(toy, *run.algorithm, {}, 99)) {
        const auto rewards = fragment->column<float>(fragment->schema().require(kRewardColumn));
        for (const float reward : rewards) sum += reward;
        count += static_cast<double>(rewards.size());
      }
      CHECK(sum / count > -0.5);
    }
  }

  TEST_CASE("options out of range are refused by name") {
    const Toy toy = bandit();
    TrainOptions options = options_for(toy);
    options.ppo.clip = 0.0;
    CHECK_THROWS_WITH_AS(make_algorithm(options, toy.spec), doctest::Contains("clip"), Error);
  }
}
