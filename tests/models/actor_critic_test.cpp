#include "rl/models/actor_critic.h"

#include <ATen/ops/ones.h>

#include "support/torch_doctest.h"

using namespace rl;

namespace {

EnvironmentSpec spec_with(TensorSpec action) {
  EnvironmentSpec spec{.name = "Test-v0"};
  spec.observations = {{.name = "state", .shape = {4}}};
  spec.actions = {std::move(action)};
  return spec;
}

PolicySpec policy_with(PolicyHead head) {
  PolicySpec policy;
  policy.head = head;
  policy.hidden = {8};
  return policy;
}

ActorCriticOptions options_with(PolicyHead head, TensorSpec action) {
  ActorCriticOptions options;
  options.policy = policy_with(head);
  options.environment = spec_with(std::move(action));
  options.initial_log_std = -0.5;
  options.seed = 1;
  return options;
}

const TensorSpec kDiscrete{.name = "action", .dtype = DType::i64, .low = {0.0}, .high = {2.0}};
const TensorSpec kContinuous{.name = "action", .shape = {2}, .low = {-1.0}, .high = {1.0}};

}  // namespace

TEST_SUITE("ActorCritic") {
  TEST_CASE("the first policy is nearly uniform and values have their own network") {
    const ActorCritic model(options_with(PolicyHead::categorical, kDiscrete), at::kCPU);
    const at::Tensor inputs = at::ones({1, 4});
    CHECK(model.policy().forward(inputs).sizes().vec() == std::vector<std::int64_t>{1, 3});
    CHECK(model.policy().forward(inputs).abs().max().item<float>() < 0.1F);
    CHECK(model.value().forward(inputs).sizes().vec() == std::vector<std::int64_t>{1, 1});
    CHECK_FALSE(model.has_log_std());
    CHECK(model.parameters().num_parameters() == 2 * (4 * 8 + 8) + (8 * 3 + 3) + (8 + 1));
  }

  TEST_CASE("a gaussian policy has one state-independent deviation per element") {
    const ActorCritic model(options_with(PolicyHead::gaussian, kContinuous), at::kCPU);
    REQUIRE(model.has_log_std());
    CHECK(model.log_std().equal(at::ones({2}) * -0.5));
    CHECK(model.policy().forward(at::ones({1, 4})).size(1) == 2);
  }

  TEST_CASE("a squashed policy starts at the same deviation, which depends on the state") {
    const ActorCritic model(options_with(PolicyHead::squashed_gaussian, kContinuous), at::kCPU);
    CHECK_FALSE(model.has_log_std());
    const at::Tensor outputs = model.policy().forward(at::ones({1, 4}));
    REQUIRE(outputs.size(1) == 4);
    CHECK((outputs.narrow(1, 2, 2) + 0.5).abs().max().item<float>() < 0.1F);
  }
}

TEST_SUITE("QNetwork") {
  TEST_CASE("the target follows only when it is synchronised") {
    QNetworkOptions options;
    options.policy = policy_with(PolicyHead::q_values);
    options.environment = spec_with(kDiscrete);
    QNetwork model(options, at::kCPU);
    const at::Tensor inputs = at::ones({1, 4});
    CHECK(model.online().forward(inputs).equal(model.target().forward(inputs)));
    const at::Tensor before = model.target().forward(inputs);
    model.parameters().values().add_(0.1);
    CHECK(model.target().forward(inputs).equal(before));
    CHECK_FALSE(model.online().forward(inputs).equal(before));
    model.synchronise_target();
    CHECK(model.online().forward(inputs).equal(model.target().forward(inputs)));
  }
}
