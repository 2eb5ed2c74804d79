#include "rl/algorithms/options.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <vector>

#include "rl/algorithms/registry.h"
#include "rl/core/error.h"

using namespace rl;

namespace {

template <class Options>
struct Wrong {
  const char* field;
  std::function<void(Options&)> spoil;
};

template <class Options>
void check_each_refused(const std::vector<Wrong<Options>>& cases) {
  for (const Wrong<Options>& wrong : cases) {
    CAPTURE(wrong.field);
    Options options;
    CHECK_NOTHROW(validate(options));
    wrong.spoil(options);
    CHECK_THROWS_WITH_AS(validate(options), doctest::Contains(wrong.field), Error);
  }
}

}  // namespace

TEST_SUITE("algorithm options") {
  TEST_CASE("every PPO option out of range is refused by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    check_each_refused<PpoOptions>({
        {"rollout_steps", [](auto& o) { o.rollout_steps = 0; }},
        {"epochs", [](auto& o) { o.epochs = 0; }},
        {"minibatch_size", [](auto& o) { o.minibatch_size = 0; }},
        {"learning_rate", [=](auto& o) { o.learning_rate = nan; }},
        {"adam_epsilon", [](auto& o) { o.adam_epsilon = 0.0; }},
        {"discount", [](auto& o) { o.discount = 1.1; }},
        {"gae_lambda", [](auto& o) { o.gae_lambda = -0.1; }},
        {"clip", [](auto& o) { o.clip = 0.0; }},
        {"value_clip", [](auto& o) { o.value_clip = -1.0; }},
        {"value_coefficient", [](auto& o) { o.value_coefficient = -1.0; }},
        {"entropy_coefficient", [](auto& o) { o.entropy_coefficient = -1.0; }},
        {"max_gradient_norm", [](auto& o) { o.max_gradient_norm = 0.0; }},
        {"target_kl", [](auto& o) { o.target_kl = -0.1; }},
        {"initial_log_std", [](auto& o) { o.initial_log_std = 3.0; }},
        {"hidden", [](auto& o) { o.network.hidden = {64, 0}; }},
        {"activation", [](auto& o) { o.network.activation = "gelu"; }},
    });
  }

  TEST_CASE("every DQN option out of range is refused by name") {
    check_each_refused<DqnOptions>({
        {"train_every", [](auto& o) { o.train_every = 0; }},
        {"updates_per_train", [](auto& o) { o.updates_per_train = 0; }},
        {"batch_size", [](auto& o) { o.batch_size = 0; }},
        {"replay_capacity", [](auto& o) { o.replay_capacity = 999; }},
        {"learning_rate", [](auto& o) { o.learning_rate = 0.0; }},
        {"discount", [](auto& o) { o.discount = -0.1; }},
        {"n_step", [](auto& o) { o.n_step = 0; }},
        {"priority_exponent", [](auto& o) { o.priority_exponent = 1.5; }},
        {"importance_exponent", [](auto& o) { o.importance_exponent = -1.0; }},
        {"target_update_every", [](auto& o) { o.target_update_every = 0; }},
        {"max_gradient_norm", [](auto& o) { o.max_gradient_norm = -1.0; }},
        {"epsilon_start", [](auto& o) { o.epsilon_start = 1.5; }},
        {"epsilon_end", [](auto& o) { o.epsilon_end = 2.0; }},
        {"epsilon_fraction", [](auto& o) { o.epsilon_fraction = 1.5; }},
        {"hidden", [](auto& o) { o.network.hidden = {-1}; }},
    });
  }

  TEST_CASE("algorithms are described with a line and a page") {
    CHECK(algorithm_descriptions().size() == 2);
    for (const AlgorithmDescription& algorithm : algorithm_descriptions()) {
      CHECK_FALSE(algorithm.summary.empty());
      CHECK(algorithm.page == "docs/algorithms/" + std::string(algorithm.name) + ".md");
    }
  }
}
