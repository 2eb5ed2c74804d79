// What every Policy must do, whatever it computes: three lines in an implementation's own test.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/policies/policy.h"
#include "support/policy_batch.h"

namespace rl::testing {

struct PolicyUnderTest {
  EnvironmentSpec spec;
  std::function<std::unique_ptr<Policy>()> make;  // without weights
  WeightSnapshot first;                           // two sets of weights that act differently
  WeightSnapshot second;
  WeightSnapshot broken;                          // does not fit
};

inline std::string act_in_batches(Policy& policy, PolicyBatch& batch, std::size_t batch_size,
                                  ActMode mode) {
  for (std::size_t first = 0; first < batch.size(); first += batch_size) {
    policy.act(batch.rows(first, std::min(batch_size, batch.size() - first)), mode);
  }
  return batch.results();
}

inline void check_batch_invariance(const PolicyUnderTest& subject) {
  const auto policy = subject.make();
  policy->load(subject.first);
  for (const ActMode mode : {ActMode::sample, ActMode::greedy}) {
    PolicyBatch batch(subject.spec, 131, 1);
    const std::string singly = act_in_batches(*policy, batch, 1, mode);
    for (const std::size_t batch_size : {2UL, 3UL, 5UL, 16UL, 64UL, 65UL, 131UL}) {
      batch.seed_streams(1);
      INFO("batches of " << batch_size);
      CHECK(act_in_batches(*policy, batch, batch_size, mode) == singly);
    }
  }
}

inline void check_determinism(const PolicyUnderTest& subject) {
  const auto run = [&](std::uint64_t seed) {
    const auto policy = subject.make();
    policy->load(subject.first);
    PolicyBatch batch(subject.spec, 64, 1);
    batch.seed_streams(seed);
    return act_in_batches(*policy, batch, 64, ActMode::sample);
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

inline void check_constant_draws(const PolicyUnderTest& subject) {
  const auto policy = subject.make();
  policy->load(subject.first);
  PolicyBatch batch(subject.spec, 64, 1);
  act_in_batches(*policy, batch, 64, ActMode::sample);
  const std::uint64_t draws = batch.stream(0).position();
  CHECK(draws > 0);
  for (std::size_t i = 0; i < batch.size(); ++i) CHECK(batch.stream(i).position() == draws);
  act_in_batches(*policy, batch, 7, ActMode::sample);
  for (std::size_t i = 0; i < batch.size(); ++i) CHECK(batch.stream(i).position() == 2 * draws);
}

inline void check_greedy_ignores_streams(const PolicyUnderTest& subject) {
  const auto policy = subject.make();
  policy->load(subject.first);
  PolicyBatch batch(subject.spec, 32, 1);
  const std::string greedy = act_in_batches(*policy, batch, 32, ActMode::greedy);
  for (std::size_t i = 0; i < batch.size(); ++i) CHECK(batch.stream(i).position() == 0);
  batch.seed_streams(99);
  CHECK(act_in_batches(*policy, batch, 32, ActMode::greedy) == greedy);
  auto rows = batch.rows(0, batch.size());
  for (ActRow& row : rows) row.stream = nullptr;
  policy->act(rows, ActMode::greedy);
  CHECK(batch.results() == greedy);
}

inline void check_given_actions(const PolicyUnderTest& subject) {
  const auto policy = subject.make();
  policy->load(subject.first);
  PolicyBatch batch(subject.spec, 70, 1);
  const std::string sampled = act_in_batches(*policy, batch, 70, ActMode::sample);
  auto rows = batch.rows(0, batch.size());
  for (ActRow& row : rows) {
    row.stream = nullptr;
    *row.log_prob = 99.0F;
  }
  policy->act(rows, ActMode::given);
  CHECK(batch.results() == sampled);
}

inline void check_loading(const PolicyUnderTest& subject) {
  const auto policy = subject.make();
  PolicyBatch batch(subject.spec, 16, 1);
  CHECK(policy->version() == 0);
  CHECK_THROWS_AS(policy->act(batch.rows(0, 1), ActMode::greedy), Error);
  CHECK_THROWS_AS(policy->load(subject.broken), Error);
  CHECK_THROWS_AS(policy->act(batch.rows(0, 1), ActMode::greedy), Error);

  policy->load(subject.first);
  CHECK(policy->version() == subject.first.version);
  const std::string before = act_in_batches(*policy, batch, 16, ActMode::greedy);
  CHECK_THROWS_AS(policy->load(subject.broken), Error);
  CHECK(policy->version() == subject.first.version);
  CHECK(act_in_batches(*policy, batch, 16, ActMode::greedy) == before);

  policy->load(subject.second);
  CHECK(policy->version() == subject.second.version);
  CHECK(act_in_batches(*policy, batch, 16, ActMode::greedy) != before);
  policy->load(subject.first);
  CHECK(act_in_batches(*policy, batch, 16, ActMode::greedy) == before);
}

inline void check_policy(const PolicyUnderTest& subject) {
  check_batch_invariance(subject);
  check_determinism(subject);
  check_constant_draws(subject);
  check_greedy_ignores_streams(subject);
  check_given_actions(subject);
  check_loading(subject);
}

}  // namespace rl::testing
