#include "rl/policies/policy_spec.h"

#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "policies/policy_images.h"
#include "rl/core/error.h"

namespace rl::testing {
namespace {

std::string error_of(const std::string& json) {
  try {
    policy_spec_from_json(json);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

PolicySpec random_spec(RngStream& stream) {
  PolicySpec policy;
  policy.head = static_cast<PolicyHead>(stream.below(4));
  policy.hidden.resize(stream.below(5));
  for (auto& width : policy.hidden) width = 1 + static_cast<std::int64_t>(stream.below(65536));
  policy.activation = static_cast<Activation>(stream.below(2));
  policy.normalise_observations = stream.below(2) == 1;
  policy.observation_clip = std::exp(stream.uniform(-30.0, 30.0));
  policy.log_std_low = stream.uniform(-30.0, 0.0);
  policy.log_std_high = stream.uniform(0.0, 5.0);
  return policy;
}

}  // namespace

TEST_SUITE_BEGIN("policies::PolicySpec");

TEST_CASE("a description survives the round trip through JSON, to the last bit") {
  RngStream stream(1, RngRole::test, 0);
  for (int i = 0; i < 500; ++i) {
    const PolicySpec policy = random_spec(stream);
    REQUIRE(policy_spec_from_json(to_json(policy)) == policy);
    REQUIRE(to_json(policy_spec_from_json(to_json(policy))) == to_json(policy));
  }
  CHECK(to_json(PolicySpec{}) ==
        R"({"head":"categorical","hidden":[64,64],"activation":"tanh",)"
        R"("normalise_observations":false,"observation_clip":10.0,)"
        R"("log_std_low":-20.0,"log_std_high":2.0})");
}

TEST_CASE("a description with one thing wrong is refused with the name of the field") {
  const std::string good = to_json(PolicySpec{});
  struct Wrong {
    const char* from;
    const char* to;
    const char* named;
  };
  for (const Wrong& w :
       {Wrong{"\"categorical\"", "\"cat\"", "head"}, Wrong{"\"categorical\"", "3", "head"},
        Wrong{"\"tanh\"", "\"gelu\"", "activation"}, Wrong{"[64,64]", "[0]", "hidden"},
        Wrong{"[64,64]", "[-1]", "hidden"}, Wrong{"[64,64]", "[65537]", "hidden"},
        Wrong{"[64,64]", "[1.5]", "hidden"}, Wrong{"[64,64]", "[[1]]", "hidden"},
        Wrong{"[64,64]", "64", "hidden"}, Wrong{"[64,64]", "[18446744073709551615]", "hidden"},
        Wrong{"false", "0", "normalise_observations"}, Wrong{"10.0", "-1.0", "observation_clip"},
        Wrong{"10.0", "null", "observation_clip"}, Wrong{"10.0", "\"10\"", "observation_clip"},
        Wrong{"-20.0", "5.0", "log_std"}, Wrong{"\"head\"", "\"heads\"", "heads"},
        Wrong{"\"log_std_low\":-20.0,", "", "log_std_low"},
        Wrong{"\"log_std_low\"", "\"head\"", "head"}}) {
    CAPTURE(w.to);
    const std::string message = error_of(replaced(good, w.from, w.to));
    CAPTURE(message);
    CHECK(message.find(w.named) != std::string::npos);
  }
}

TEST_CASE("text that is no description is refused, whatever it is") {
  const std::string good = to_json(PolicySpec{});
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"),
        std::string("\xff\xfe\x00", 3), std::string("{}"), good + good, good + "x",
        std::string(100'000, '['), std::string(50'000, '['), std::string(100'000, ' ') + good,
        std::string("{\"head\":") + std::string(20'000, '[')}) {
    CHECK_FALSE(error_of(bad).empty());
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    REQUIRE_FALSE(error_of(good.substr(0, length)).empty());
  }
}

TEST_CASE("damaged text gives an Error or a valid description, nothing else") {
  const std::string good = to_json(PolicySpec{});
  RngStream stream(2, RngRole::test, 0);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    text[stream.below(text.size())] = static_cast<char>(stream.below(256));
    try {
      to_json(policy_spec_from_json(text));
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 4000);
}

TEST_CASE("a description that could not be read back is not written") {
  CHECK_THROWS_AS(to_json({.hidden = {0}}), Error);
  CHECK_THROWS_AS(to_json({.hidden = std::vector<std::int64_t>(65, 8)}), Error);
  CHECK_THROWS_AS(to_json({.observation_clip = std::numeric_limits<double>::infinity()}), Error);
  CHECK_THROWS_AS(to_json({.log_std_low = 3.0}), Error);
}

TEST_CASE("widths follow the environment and the head") {
  CHECK(num_inputs(discrete_spec(8, 4)) == 8);
  CHECK(num_inputs(masked_spec()) == 8);
  CHECK(num_outputs({}, discrete_spec(8, 4)) == 4);
  CHECK(num_outputs({.head = PolicyHead::q_values}, masked_spec()) == 5);
  CHECK(num_outputs({.head = PolicyHead::gaussian}, continuous_spec()) == 3);
  CHECK(num_outputs({.head = PolicyHead::squashed_gaussian}, continuous_spec()) == 6);
}

TEST_CASE("a head that does not fit the action is refused") {
  const PolicySpec categorical;
  const PolicySpec q_values{.head = PolicyHead::q_values};
  const PolicySpec gaussian{.head = PolicyHead::gaussian};
  const PolicySpec squashed{.head = PolicyHead::squashed_gaussian};
  for (const PolicySpec& policy : {categorical, q_values}) {
    CHECK_NOTHROW(validate(policy, masked_spec()));
    CHECK_THROWS_AS(validate(policy, continuous_spec()), Error);
  }
  for (const PolicySpec& policy : {gaussian, squashed}) {
    CHECK_NOTHROW(validate(policy, continuous_spec()));
    CHECK_THROWS_AS(validate(policy, discrete_spec()), Error);
  }
  EnvironmentSpec unbounded = continuous_spec();
  unbounded.actions[0].high = {};
  CHECK_NOTHROW(validate(gaussian, unbounded));
  CHECK_THROWS_AS(validate(squashed, unbounded), Error);

  EnvironmentSpec half = discrete_spec();
  half.observations[0].dtype = DType::f16;
  CHECK_THROWS_AS(validate(categorical, half), Error);

  EnvironmentSpec blind = masked_spec();
  blind.observations = {blind.observations[1]};
  CHECK_THROWS_AS(validate(categorical, blind), Error);

  EnvironmentSpec two = discrete_spec();
  two.actions.push_back(two.actions[0]);
  CHECK_THROWS_AS(validate(categorical, two), Error);
}

TEST_SUITE_END();

}  // namespace rl::testing
