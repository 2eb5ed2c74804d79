// Rows for a policy to act on, drawn from a spec.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "rl/policies/policy.h"

namespace rl::testing {

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

}  // namespace rl::testing
