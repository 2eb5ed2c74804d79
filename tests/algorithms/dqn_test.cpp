#include "rl/algorithms/dqn.h"

#include <ATen/ops/ones.h>

#include "support/torch_doctest.h"

#include "algorithms/tensors.h"

using namespace rl;
using namespace rl::tests;

namespace {

struct Golden {
  std::map<std::string, std::vector<double>> columns = read_golden("dqn.txt");

  at::Tensor vector(const char* key) const { return doubles(columns.at(key), {10}); }
  at::Tensor matrix(const char* key) const { return doubles(columns.at(key), {10, 4}); }
  DqnBatch batch() const {
    return {vector("actions").to(at::kLong), vector("rewards"), vector("discounts"),
            vector("weights")};
  }
};

}  // namespace

TEST_SUITE("dqn_loss") {
  TEST_CASE("loss, errors and gradients equal the golden numbers") {
    const Golden golden;
    const DqnBatch batch = golden.batch();
    const at::Tensor targets =
        dqn_targets(batch, golden.matrix("next_target"), golden.matrix("next_online"), {});
    const at::Tensor values = golden.matrix("q_values").requires_grad_();
    const DqnLoss loss = dqn_loss(batch, values, targets);
    loss.total.backward();
    CHECK(loss.total.item<double>() ==
          doctest::Approx(golden.columns.at("loss")[0]).epsilon(1e-12));
    CHECK(greatest_difference(loss.td_errors, golden.vector("td_errors")) < 1e-14);
    CHECK(greatest_difference(values.grad(), golden.matrix("gradients")) < 1e-14);
    CHECK_FALSE(loss.td_errors.requires_grad());
    CHECK_FALSE(targets.requires_grad());
  }

  TEST_CASE("gradients equal finite differences on both sides of the Huber bend") {
    const Golden golden;
    const DqnBatch batch = golden.batch();
    RngStream stream(1, RngRole::test, 0);
    const at::Tensor targets = random_normal(stream, {10}, 3.0);
    const auto function = [&](const at::Tensor& values) {
      return dqn_loss(batch, values, targets).total;
    };
    const at::Tensor values = golden.matrix("q_values");
    CHECK(greatest_difference(gradient_of(function, values),
                              finite_differences(function, values)) < 1e-8);
  }

  TEST_CASE("double targets choose by one network and value by the other") {
    const DqnBatch batch{doubles({0}, {1}).to(at::kLong), doubles({1.0}, {1}),
                         doubles({0.5}, {1}), doubles({1.0}, {1})};
    const at::Tensor target_values = doubles({3.0, 9.0}, {1, 2});
    const at::Tensor online_values = doubles({2.0, 1.0}, {1, 2});
    CHECK(dqn_targets(batch, target_values, online_values, {}).item<double>() == 1.0 + 0.5 * 3.0);
    CHECK(dqn_targets(batch, target_values, target_values, {}).item<double>() == 1.0 + 0.5 * 9.0);
  }

  TEST_CASE("a masked action is never the best") {
    const DqnBatch batch{doubles({0}, {1}).to(at::kLong), doubles({0.0}, {1}),
                         doubles({1.0}, {1}), doubles({1.0}, {1})};
    const at::Tensor values = doubles({3.0, 9.0, 5.0}, {1, 3});
    const at::Tensor mask = doubles({1.0, 0.0, 1.0}, {1, 3}).to(at::kBool);
    CHECK(dqn_targets(batch, values, values, mask).item<double>() == 5.0);
  }

  TEST_CASE("importance weights are 1 at most and fall with the probability") {
    const at::Tensor probabilities = doubles({0.1, 0.2, 0.4}, {3});
    const at::Tensor weights = importance_weights(probabilities, 10.0, 1.0);
    CHECK(greatest_difference(weights, doubles({1.0, 0.5, 0.25}, {3})) < 1e-12);
    CHECK(greatest_difference(importance_weights(probabilities, 10.0, 0.0),
                              at::ones({3}, at::kDouble)) < 1e-12);
    CHECK(greatest_difference(importance_weights(probabilities, 1000.0, 0.5),
                              importance_weights(probabilities, 10.0, 0.5)) < 1e-12);
  }
}
