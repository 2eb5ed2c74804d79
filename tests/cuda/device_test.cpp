// Every kernel against its reference, on the GPU.
#include <cuda_runtime_api.h>
#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include "rl/core/error.h"
#include "rl/cuda/runtime.h"
#include "tests/cuda/batches.h"

using namespace rl::cuda;
using rl::test::CategoricalData;
using rl::test::GaeData;

namespace {

bool skipped() {
  if (available()) return false;
  MESSAGE("SKIPPED: ", unavailable_reason());
  return true;
}

// An array in device memory.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    REQUIRE(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice) == 0);
  }
  explicit DeviceArray(std::size_t count) : count_(count) {
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)) == cudaSuccess);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    REQUIRE(cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost) == 0);
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

struct DeviceCategorical {
  explicit DeviceCategorical(const CategoricalData& data)
      : logits(data.logits),
        actions(data.actions),
        batch{data.num_rows, data.num_actions, logits.data(), actions.data()} {}

  DeviceArray<float> logits;
  DeviceArray<std::int64_t> actions;
  CategoricalBatch batch;
};

std::vector<float> device_gae(const GaeData& data) {
  const DeviceArray<float> rewards(data.rewards), values(data.values), next(data.next_values);
  const DeviceArray<std::uint8_t> terminated(data.terminated), truncated(data.truncated);
  const DeviceArray<float> advantages(data.rewards.size());
  gae({data.num_steps, data.num_environments, rewards.data(), values.data(), next.data(),
       terminated.data(), truncated.data()},
      0.99, 0.95, advantages.data(), nullptr);
  return advantages.values();
}

std::vector<float> device_gradients(const CategoricalData& data) {
  const DeviceCategorical device(data);
  const DeviceArray<float> g(data.log_prob_gradients), h(data.entropy_gradients);
  const DeviceArray<float> gradients(data.logits.size());
  categorical_backward(device.batch, g.data(), h.data(), gradients.data(), nullptr);
  return gradients.values();
}

void check_close(std::span<const float> got, std::span<const float> expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - expected[i]);
    worst = std::fmax(worst, error / (1.0 + std::abs(expected[i])));
  }
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_SUITE("cuda kernels on a GPU") {
  TEST_CASE("GAE equals its reference for one, many and odd numbers of environments") {
    if (skipped()) return;
    for (const std::size_t num_environments : {1U, 127U, 128U, 1000U}) {
      const GaeData data(65, num_environments, num_environments);
      std::vector<float> expected(data.rewards.size());
      gae_reference(data.batch(), 0.99, 0.95, expected.data());
      check_close(device_gae(data), expected, 1e-6);
    }
  }

  TEST_CASE("categorical equals its reference from two actions to a vocabulary") {
    if (skipped()) return;
    for (const std::size_t num_actions : {2U, 31U, 32U, 33U, 1000U, 50257U}) {
      const CategoricalData data(9, num_actions, num_actions);
      std::vector<float> log_probs(9), entropies(9);
      categorical_reference(data.batch(), log_probs.data(), entropies.data());
      const DeviceCategorical device(data);
      const DeviceArray<float> device_log_probs(9), device_entropies(9);
      categorical(device.batch, device_log_probs.data(), device_entropies.data(), nullptr);
      check_close(device_log_probs.values(), log_probs, 1e-5);
      check_close(device_entropies.values(), entropies, 1e-5);
    }
  }

  TEST_CASE("the categorical gradient equals its reference and leaves masked actions alone") {
    if (skipped()) return;
    for (const std::size_t num_actions : {2U, 33U, 1000U}) {
      const CategoricalData data(17, num_actions, num_actions);
      std::vector<float> expected(data.logits.size());
      categorical_backward_reference(data.batch(), data.log_prob_gradients.data(),
                                     data.entropy_gradients.data(), expected.data());
      const auto got = device_gradients(data);
      check_close(got, expected, 1e-5);
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (std::isinf(data.logits[i])) CHECK(got[i] == 0.0F);
      }
    }
  }

  TEST_CASE("the same batch gives the same bits twice and another batch does not") {
    if (skipped()) return;
    const CategoricalData data(64, 300, 5), other(64, 300, 6);
    CHECK(device_gradients(data) == device_gradients(data));
    CHECK(device_gradients(data) != device_gradients(other));
  }

  TEST_CASE("token scores and their gradient equal the reference over chunks of a vocabulary") {
    if (skipped()) return;
    const std::size_t rows = 13, vocabulary = 5003, columns = 1024;
    const CategoricalData data(rows, vocabulary, 8);
    std::vector<SoftmaxState> states(rows, kEmptySoftmax);
    const DeviceArray<float> logits(data.logits), g(data.log_prob_gradients);
    const DeviceArray<std::int64_t> tokens(data.actions);
    const DeviceArray<SoftmaxState> device_states(states);
    std::vector<VocabularyChunk> host, device;
    for (std::size_t first = 0; first < vocabulary; first += columns) {
      const std::size_t width = std::min(columns, vocabulary - first);
      const auto id = static_cast<std::int64_t>(first);
      host.push_back({rows, width, vocabulary, id, 0.8F, data.logits.data() + first,
                      data.actions.data()});
      device.push_back({rows, width, vocabulary, id, 0.8F, logits.data() + first, tokens.data()});
      add_token_scores_reference(host.back(), states.data());
      add_token_scores(device.back(), device_states.data(), nullptr);
    }
    std::vector<float> log_probs(rows), entropies(rows);
    const DeviceArray<float> device_log_probs(rows), device_entropies(rows);
    finish_token_scores_reference(rows, states.data(), log_probs.data(), entropies.data());
    finish_token_scores(rows, device_states.data(), device_log_probs.data(),
                        device_entropies.data(), nullptr);
    check_close(device_log_probs.values(), log_probs, 1e-5);
    check_close(device_entropies.values(), entropies, 1e-5);
    for (std::size_t i = 0; i < host.size(); ++i) {
      std::vector<float> expected(rows * host[i].num_columns);
      const DeviceArray<float> gradients(expected.size());
      token_scores_backward_reference(host[i], states.data(), data.log_prob_gradients.data(),
                                      expected.data());
      token_scores_backward(device[i], device_states.data(), g.data(), gradients.data(), nullptr);
      check_close(gradients.values(), expected, 1e-5);
    }
  }

  TEST_CASE("an action outside the range gives NaN in its own row only") {
    if (skipped()) return;
    CategoricalData data(3, 4, 7);
    data.actions = {4, 0, -1};
    data.logits[4] = 0.0F;
    const auto gradients = device_gradients(data);
    CHECK(std::isnan(gradients[0]));
    CHECK(std::isfinite(gradients[4]));
    CHECK(std::isnan(gradients[8]));
  }
}
