// What every Policy must do, whatever it computes: three lines in an implementation's own test.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/policies/policy.h"

namespace rl::testing {

struct PolicyUnderTest {
  EnvironmentSpec spec;
  std::function<std::unique_ptr<Policy>()> make;  // without weights
  WeightSnapshot first;                           // two sets of weights that act differently
  WeightSnapshot second;
  WeightSnapshot broken;                          // does not fit
};

// Owns the rows of a batch: observations drawn from a stream, actions and log-probabilities out.
class PolicyBatch {
 public:
  PolicyBatch(const EnvironmentSpec& spec, std::size_t rows, std::uint64_t seed) {
    for (std::size_t row = 0; row < rows; ++row) {
      RngStream stream(seed, RngRole::test, row);
      rows_.push_back(std::make_unique<Row>());
      Row& made = *rows_.back();
      for (const TensorSpec& tensor : spec.observations) {
        made.observations.push_back(draw(tensor, stream));
        made.observation_rows.push_back(made.observations.back().data());
      }
      for (const TensorSpec& tensor : spec.actions) {
        made.actions.emplace_back(tensor.row_bytes());
        made.action_rows.push_back(made.actions.back().data());
      }
    }
    seed_streams(seed);
  }

  void seed_streams(std::uint64_t seed) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      rows_[i]->stream = RngStream(seed, RngRole::action, i);
    }
  }

  std::size_t size() const { return rows_.size(); }
  RngStream& stream(std::size_t row) { return rows_[row]->stream; }
  float log_prob(std::size_t row) const { return rows_[row]->log_prob; }
  const std::byte* action(std::size_t row) const { return rows_[row]->actions[0].data(); }

  std::vector<ActRow> rows(std::size_t first, std::size_t count) {
    std::vector<ActRow> result;
    for (std::size_t i = first; i < first + count; ++i) {
      Row& row = *rows_[i];
      result.push_back({ConstFields(row.observation_rows), Fields(row.action_rows), &row.log_prob,
                        &row.stream});
    }
    return result;
  }

  // The bytes of every action and log-probability.
  std::string results() const {
    std::string bytes;
    for (const auto& row : rows_) {
      for (const Bytes& action : row->actions) {
        bytes.append(reinterpret_cast<const char*>(action.data()), action.size());
      }
      bytes.append(reinterpret_cast<const char*>(&row->log_prob), sizeof(float));
    }
    return bytes;
  }

 private:
  struct Row {
    std::vector<Bytes> observations;
    std::vector<const std::byte*> observation_rows;
    std::vector<Bytes> actions;
    std::vector<std::byte*> action_rows;
    float log_prob = 0.0F;
    RngStream stream;
  };

  template <class T>
  static void put(Bytes& bytes, std::size_t i, double value) {
    const auto typed = static_cast<T>(value);
    std::memcpy(bytes.data() + i * sizeof(T), &typed, sizeof(T));
  }

  // Masks allow everything but, sometimes, category 1; other values are within +-3.
  static Bytes draw(const TensorSpec& tensor, RngStream& stream) {
    Bytes bytes(tensor.row_bytes());
    for (std::size_t i = 0; i < tensor.num_elements(); ++i) {
      const double value = stream.uniform(-3.0, 3.0);
      const bool is_mask = tensor.name == kActionMaskName;
      switch (tensor.dtype) {
        case DType::u8: put<std::uint8_t>(bytes, i, is_mask ? i != 1 || value > 0 : value + 3.0);
          break;
        case DType::i32: put<std::int32_t>(bytes, i, value); break;
        case DType::i64: put<std::int64_t>(bytes, i, value); break;
        case DType::f64: put<double>(bytes, i, value); break;
        default: put<float>(bytes, i, value);
      }
    }
    return bytes;
  }

  std::vector<std::unique_ptr<Row>> rows_;
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
  check_loading(subject);
}

}  // namespace rl::testing
