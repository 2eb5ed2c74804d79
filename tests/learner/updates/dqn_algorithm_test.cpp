#include "learner/updates/dqn_algorithm.h"

#include <doctest/doctest.h>

#include <limits>

#include "learner/updates/toy_rollouts.h"
#include "rl/core/error.h"
#include "rl/formats/safetensors.h"

using namespace rl;
using namespace rl::tests;

namespace {

// The better action is the sign of the first observation.
float reward_for_sign(const float* observation, const std::byte* action) {
  const bool positive = *reinterpret_cast<const std::int64_t*>(action) == 1;
  return positive == (observation[0] > 0.0F) ? 1.0F : 0.0F;
}

Toy sign_toy(bool masked = false) {
  return {.spec = toy_spec(discrete_action({1.0}), masked),
          .num_environments = 2,
          .steps = 8,
          .episode_steps = 4,
          .reward = reward_for_sign};
}

TrainOptions options_for(const Toy& toy) {
  TrainOptions options;
  options.algorithm = "dqn";
  options.num_environments = toy.num_environments;
  options.total_steps = 10000;
  options.dqn.network.hidden = {16, 16};
  options.dqn.train_every = 16;
  options.dqn.updates_per_train = 8;
  options.dqn.batch_size = 16;
  options.dqn.learning_starts = 32;
  options.dqn.target_update_every = 64;
  options.dqn.replay_capacity = 5000;
  options.dqn.n_step = 2;
  return options;
}

struct Run {
  Run(const Toy& toy_in, const TrainOptions& options)
      : toy(toy_in), algorithm(make_algorithm(options, toy.spec)),
        table_options(algorithm->table_options()), total_steps(options.total_steps) {
    table_options.seed = options.seed;
    table = std::make_unique<replay::Table>(table_options);
  }

  std::optional<UpdateReport> round(std::uint64_t number) {
    insert_all(*table, toy_round(toy, *algorithm, progress(number - 1), number));
    return algorithm->update(*table, progress(number));
  }
  TrainingProgress progress(std::uint64_t rounds) const {
    return {.environment_steps = rounds * toy.num_environments * toy.steps,
            .total_steps = total_steps, .weight_version = rounds};
  }

  Toy toy;
  std::unique_ptr<Algorithm> algorithm;
  replay::TableOptions table_options;
  std::unique_ptr<replay::Table> table;
  std::uint64_t total_steps;
};

float published_epsilon(const Algorithm& algorithm, const TrainingProgress& progress) {
  const Bytes image = algorithm.weights_image(progress);
  return SafetensorsView(image, "weights").values<float>("exploration_epsilon", {})[0];
}

double greedy_share(const Run& run) {
  const Bytes image = run.algorithm->weights_image({});
  const auto policy = make_policy(
      run.toy.spec, {.run_id = 1, .version = 1, .image = std::make_shared<const Bytes>(image)});
  RngStream stream(123, RngRole::test, 0);
  double right = 0.0;
  for (int i = 0; i < 200; ++i) {
    const float state[2] = {static_cast<float>(stream.uniform(-1.0, 1.0)), 0.0F};
    std::int64_t action = 0;
    const std::byte* seen[] = {reinterpret_cast<const std::byte*>(state)};
    std::byte* chosen[] = {reinterpret_cast<std::byte*>(&action)};
    ActRow row{ConstFields(seen), Fields(chosen), nullptr, &stream};
    policy->act({&row, 1}, ActMode::greedy);
    right += reward_for_sign(state, chosen[0]);
  }
  return right / 200.0;
}

}  // namespace

TEST_SUITE("DqnAlgorithm") {
  TEST_CASE("gradient steps follow the environment steps exactly, whatever the pieces") {
    const Toy toy = sign_toy();
    TrainOptions options = options_for(toy);
    options.dqn.train_every = 7;
    options.dqn.updates_per_train = 3;
    Run run(toy, options);
    insert_all(*run.table, toy_round(toy, *run.algorithm, {}, 1));
    std::size_t taken = 0;
    for (const std::uint64_t steps : {10U, 32U, 33U, 34U, 35U, 36U, 50U, 51U, 120U}) {
      const auto report =
          run.algorithm->update(*run.table, {.environment_steps = steps, .total_steps = 1000});
      if (report) taken += report->gradient_steps;
      const std::size_t expected = steps <= 32 ? 0 : (steps - 32) * 3 / 7;
      CHECK(taken == expected);
    }
  }

  TEST_CASE("nothing happens before learning starts") {
    const Toy toy = sign_toy();
    Run run(toy, options_for(toy));
    const Bytes before = run.algorithm->save_state();
    CHECK_FALSE(run.round(1).has_value());
    CHECK_FALSE(run.round(2).has_value());
    CHECK(run.algorithm->save_state() == before);
    const auto report = run.round(3);
    REQUIRE(report.has_value());
    CHECK(report->gradient_steps == 8);
    CHECK(report->steps_consumed == 8 * 16);
  }

  TEST_CASE("exploration falls linearly in environment steps and then stays") {
    const Toy toy = sign_toy();
    TrainOptions options = options_for(toy);
    options.dqn.epsilon_start = 1.0;
    options.dqn.epsilon_end = 0.1;
    options.dqn.epsilon_fraction = 0.5;
    Run run(toy, options);
    const auto at = [&](std::uint64_t steps) {
      return published_epsilon(*run.algorithm,
                               {.environment_steps = steps, .total_steps = 1000});
    };
    CHECK(at(0) == doctest::Approx(1.0));
    CHECK(at(250) == doctest::Approx(0.55));
    CHECK(at(500) == doctest::Approx(0.1));
    CHECK(at(900) == doctest::Approx(0.1));
  }

  TEST_CASE("the target network is copied at multiples of its period and not between") {
    const Toy toy = sign_toy();
    Run run(toy, options_for(toy));
    const auto tensor = [&](const char* name) {
      const Bytes state = run.algorithm->save_state();
      const auto values = SafetensorsView(state, "state").values<float>(name, {16, 2});
      return std::vector<float>(values.begin(), values.end());
    };
    const auto initial = tensor("policy.0.weight");
    run.round(1);
    run.round(2);
    run.round(3);  // 48 steps: period 0
    CHECK(tensor("policy.0.weight") != initial);
    CHECK(tensor("target.policy.0.weight") == initial);
    const auto at_three = tensor("policy.0.weight");
    run.round(4);  // 64 steps: copied before its gradient steps
    CHECK(tensor("target.policy.0.weight") == at_three);
    run.round(5);
    CHECK(tensor("target.policy.0.weight") == at_three);
  }

  TEST_CASE("a state saved in the middle continues with the same bytes") {
    for (const bool prioritised : {false, true}) {
      CAPTURE(prioritised);
      const Toy toy = sign_toy(true);
      TrainOptions options = options_for(toy);
      options.dqn.prioritised = prioritised;
      Run whole(toy, options);
      for (std::uint64_t number = 1; number <= 5; ++number) whole.round(number);
      Run resumed(toy, options);
      resumed.algorithm->load_state(whole.algorithm->save_state());
      resumed.table->load_state(whole.table->save_state(),
                                std::make_shared<const FragmentSchema>(make_schema(toy.spec)));
      for (std::uint64_t number = 6; number <= 8; ++number) {
        whole.round(number);
        resumed.round(number);
      }
      CHECK(whole.algorithm->save_state() == resumed.algorithm->save_state());
      CHECK(whole.table->save_state() == resumed.table->save_state());
    }
  }

  TEST_CASE("equal seeds give the same bytes and another seed does not") {
    const Toy toy = sign_toy();
    const auto trained = [&](std::uint64_t seed) {
      TrainOptions options = options_for(toy);
      options.seed = seed;
      Run run(toy, options);
      for (std::uint64_t number = 1; number <= 4; ++number) run.round(number);
      return run.algorithm->save_state();
    };
    CHECK(trained(5) == trained(5));
    CHECK(trained(5) != trained(6));
  }

  TEST_CASE("a state of other networks is refused and changes nothing") {
    const Toy toy = sign_toy();
    Run run(toy, options_for(toy));
    TrainOptions other = options_for(toy);
    other.dqn.network.hidden = {8};
    const Bytes before = run.algorithm->save_state();
    CHECK_THROWS_AS(run.algorithm->load_state(Run(toy, other).algorithm->save_state()), Error);
    CHECK(run.algorithm->save_state() == before);
  }

  TEST_CASE("transitions that are not finite change no weight, moment or priority") {
    for (const bool prioritised : {false, true}) {
      CAPTURE(prioritised);
      const Toy toy = sign_toy();
      TrainOptions options = options_for(toy);
      options.dqn.prioritised = prioritised;
      Run run(toy, options);
      auto fragments = toy_round(toy, *run.algorithm, {}, 1);
      for (FragmentPtr& fragment : fragments) {
        auto poisoned = std::make_shared<Fragment>(fragment->prefix(fragment->num_steps()));
        for (float& reward : poisoned->column<float>(poisoned->schema().require(kRewardColumn))) {
          reward = std::numeric_limits<float>::quiet_NaN();
        }
        fragment = poisoned;
      }
      insert_all(*run.table, fragments);
      const Bytes before = run.algorithm->weights_image({});
      const auto report =
          run.algorithm->update(*run.table, {.environment_steps = 48, .total_steps = 1000});
      REQUIRE(report.has_value());
      CHECK(report->gradient_steps == 0);
      CHECK(report->skipped_steps == 8);
      CHECK(run.algorithm->weights_image({}) == before);
    }
  }

  TEST_CASE("the better action of a contextual bandit is learned") {
    for (const bool prioritised : {false, true}) {
      for (const bool masked : {false, true}) {
        CAPTURE(prioritised);
        CAPTURE(masked);
        const Toy toy = sign_toy(masked);
        TrainOptions options = options_for(toy);
        options.total_steps = 2000;
        options.dqn.prioritised = prioritised;
        options.dqn.discount = 0.5;
        Run run(toy, options);
        for (std::uint64_t number = 1; number <= 100; ++number) run.round(number);
        if (!masked) CHECK(greedy_share(run) > 0.9);
        CHECK(run.round(101)->metrics.at("loss") < 0.2);
      }
    }
  }
}
