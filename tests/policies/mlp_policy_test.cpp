#include "src/policies/mlp_policy.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "policies/policy_images.h"
#include "support/policy_conformance.h"

namespace rl::testing {
namespace {

struct Case {
  const char* name;
  EnvironmentSpec spec;
  PolicySpec policy;
};

std::vector<Case> cases() {
  PolicySpec categorical;
  PolicySpec normalised{.hidden = {17}, .normalise_observations = true};
  PolicySpec gaussian{.head = PolicyHead::gaussian, .hidden = {32, 16}};
  PolicySpec squashed{.head = PolicyHead::squashed_gaussian, .activation = Activation::relu};
  PolicySpec q_values{.head = PolicyHead::q_values, .activation = Activation::relu};
  PolicySpec linear{.hidden = {}};
  return {{"categorical", discrete_spec(), categorical},
          {"linear", discrete_spec(), linear},
          {"masked multi-discrete, normalised", masked_spec(), normalised},
          {"gaussian", continuous_spec(), gaussian},
          {"gaussian f64", continuous_spec(DType::f64), gaussian},
          {"squashed gaussian", continuous_spec(), squashed},
          {"squashed gaussian f64", continuous_spec(DType::f64), squashed},
          {"q values", discrete_spec(), q_values},
          {"masked q values", masked_spec(), q_values}};
}

std::string load_error(Policy& policy, const ImageBuilder& image) {
  try {
    policy.load(image.snapshot());
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_SUITE_BEGIN("policies::MlpPolicy");

TEST_CASE("every head keeps the contract of Policy") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    ImageBuilder broken = random_image(c.policy, c.spec, 3);
    broken.erase("policy.0.bias");
    check_policy({.spec = c.spec,
                  .make = [&] { return std::make_unique<MlpPolicy>(c.spec, c.policy); },
                  .first = random_image(c.policy, c.spec, 1).snapshot(1),
                  .second = random_image(c.policy, c.spec, 2).snapshot(2),
                  .broken = broken.snapshot(3)});
  }
}

TEST_CASE("every form of the kernels gives the same actions and log-probabilities") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    const WeightSnapshot snapshot = random_image(c.policy, c.spec, 1).snapshot();
    std::string expected;
    for (const MlpKernel* kernel : available_mlp_kernels()) {
      CAPTURE(kernel->name);
      MlpPolicy policy(c.spec, c.policy, *kernel);
      policy.load(snapshot);
      PolicyBatch batch(c.spec, 67, 4);
      const std::string results = act_in_batches(policy, batch, 67, ActMode::sample);
      if (expected.empty()) expected = results;
      CHECK(results == expected);
    }
  }
}

TEST_CASE("make_policy builds the policy that the snapshot describes") {
  const EnvironmentSpec spec = discrete_spec();
  const PolicySpec description{.hidden = {12}, .activation = Activation::relu};
  const WeightSnapshot snapshot = random_image(description, spec, 1).snapshot(41);
  const auto made = make_policy(spec, snapshot);
  MlpPolicy expected(spec, description);
  expected.load(snapshot);
  PolicyBatch first(spec, 20, 1);
  PolicyBatch second(spec, 20, 1);
  CHECK(made->version() == 41);
  CHECK(act_in_batches(*made, first, 20, ActMode::sample) ==
        act_in_batches(expected, second, 20, ActMode::sample));
}

TEST_CASE("forbidden actions are never taken") {
  const Case c = cases()[2];
  MlpPolicy policy(c.spec, c.policy);
  policy.load(random_image(c.policy, c.spec, 1).snapshot());
  PolicyBatch batch(c.spec, 64, 9);
  int forbidden = 0;
  for (int round = 0; round < 50; ++round) {
    act_in_batches(policy, batch, 64, ActMode::sample);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto row = batch.rows(i, 1)[0];
      const auto* mask = row.observation.as<std::uint8_t>(1);
      const auto* action = row.action.as<std::int32_t>(0);
      forbidden += mask[1] == 0;
      REQUIRE(mask[action[0]] == 1);
      REQUIRE(mask[3 + action[1]] == 1);
      REQUIRE(std::isfinite(batch.log_prob(i)));
    }
  }
  CHECK(forbidden > 0);
}

TEST_CASE("observations are normalised and clipped as described") {
  EnvironmentSpec spec = discrete_spec(2, 2);
  const PolicySpec description{.hidden = {}, .normalise_observations = true,
                               .observation_clip = 3.0};
  ImageBuilder image = random_image(description, spec, 1);
  image.set("policy.0.weight", {2, 2}, std::vector<float>{1, 0, 0, 1});
  image.set("policy.0.bias", {2}, std::vector<float>{0, 0});
  image.set("observation_mean", {2}, std::vector<double>{1.0, -4.0});
  image.set("observation_variance", {2}, std::vector<double>{4.0, 0.0});
  MlpPolicy policy(spec, description);
  policy.load(image.snapshot());
  const std::vector<float> state = {2.0F, -3.0F};  // normalised: 0.5 and 1e4, clipped to 3
  const std::byte* observation = reinterpret_cast<const std::byte*>(state.data());
  std::int64_t action = -1;
  auto* action_bytes = reinterpret_cast<std::byte*>(&action);
  float log_prob = 0.0F;
  const ActRow row{ConstFields({&observation, 1}), Fields({&action_bytes, 1}), &log_prob, nullptr};
  policy.act({&row, 1}, ActMode::greedy);
  CHECK(action == 1);
  CHECK(log_prob == doctest::Approx(-std::log1p(std::exp(0.5 - 3.0))).epsilon(1e-6));
}

TEST_CASE("a load that fails says which tensor and why") {
  const Case c = {"", masked_spec(),
                  {.head = PolicyHead::q_values, .hidden = {6}, .normalise_observations = true}};
  MlpPolicy policy(c.spec, c.policy);
  const auto fresh = [&] { return random_image(c.policy, c.spec, 1); };

  ImageBuilder image = fresh();
  image.erase("policy.1.weight");
  contains(load_error(policy, image), "policy.1.weight");

  image = fresh();
  image.set("policy.0.weight", {8, 6}, std::vector<float>(48));
  contains(load_error(policy, image), "policy.0.weight");

  image = fresh();
  image.values("policy.1.bias")[2] = std::numeric_limits<float>::quiet_NaN();
  contains(load_error(policy, image), "policy.1.bias is not finite");

  image = fresh();
  image.values("exploration_epsilon")[0] = 1.5F;
  contains(load_error(policy, image), "exploration_epsilon is not a probability");

  image = fresh();
  image.doubles("observation_variance")[0] = -1.0;
  contains(load_error(policy, image), "observation_variance is negative");

  image = fresh();
  image.doubles("observation_mean")[1] = kInfinity;
  contains(load_error(policy, image), "observation_mean is not finite");

  image = fresh();
  image.drop_description();
  contains(load_error(policy, image), "corral.policy");

  image = fresh();
  PolicySpec other = c.policy;
  other.hidden = {7};
  image.describe(to_json(other));
  contains(load_error(policy, image), "describes another policy");

  CHECK_THROWS_AS(policy.load({.run_id = 1, .version = 1, .image = nullptr}), Error);
  CHECK_THROWS_AS(policy.load({.run_id = 1,
                               .version = 1,
                               .image = std::make_shared<const Bytes>(Bytes(40, std::byte{0x7B}))}),
                  Error);
  CHECK(load_error(policy, fresh()).empty());
}

TEST_CASE("a row that does not fit the spec is refused") {
  const Case c = cases()[0];
  MlpPolicy policy(c.spec, c.policy);
  policy.load(random_image(c.policy, c.spec, 1).snapshot());
  PolicyBatch batch(c.spec, 1, 1);
  ActRow row = batch.rows(0, 1)[0];
  row.stream = nullptr;
  CHECK_THROWS_AS(policy.act({&row, 1}, ActMode::sample), Error);
  row = batch.rows(0, 1)[0];
  row.observation = ConstFields();
  CHECK_THROWS_AS(policy.act({&row, 1}, ActMode::sample), Error);
}

TEST_CASE("log-probabilities may be left out") {
  const Case c = cases()[0];
  MlpPolicy policy(c.spec, c.policy);
  policy.load(random_image(c.policy, c.spec, 1).snapshot());
  PolicyBatch batch(c.spec, 8, 1);
  auto rows = batch.rows(0, 8);
  for (ActRow& row : rows) row.log_prob = nullptr;
  policy.act(rows, ActMode::sample);
  for (std::size_t i = 0; i < 8; ++i) CHECK(batch.log_prob(i) == 0.0F);
}

TEST_SUITE_END();

}  // namespace rl::testing
