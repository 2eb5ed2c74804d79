// What N environments show and take in one step, as contiguous arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/core/fields.h"
#include "rl/core/spec.h"

namespace rl {

// One array [N, elements] per tensor, 64-byte aligned, row i environment i's. Reused from step to
// step: a step allocates nothing. Movable, not copyable: rows are pointed to.
// Threads: a plain container; different rows may be written at the same time.
class VectorBatch {
 public:
  VectorBatch(const EnvironmentSpec& spec, std::size_t num_environments);
  VectorBatch(VectorBatch&&) = default;
  VectorBatch& operator=(VectorBatch&&) = default;

  std::size_t size() const { return rewards_.size(); }

  // [N * elements] of tensor `field` in spec order. Throw Error unless T has the tensor's size.
  template <class T>
  std::span<T> observations(std::size_t field = 0) const {
    return observations_.values<T>(field);
  }
  template <class T>
  std::span<T> final_observations(std::size_t field = 0) const {  // rows of ended episodes only
    return final_observations_.values<T>(field);
  }
  template <class T>
  std::span<T> actions(std::size_t field = 0) const {
    return actions_.values<T>(field);
  }
  std::span<float> rewards() { return rewards_; }
  std::span<std::uint8_t> terminated() { return terminated_; }
  std::span<std::uint8_t> truncated() { return truncated_; }
  std::span<std::uint8_t> is_reset() { return is_reset_; }

  Fields observation(std::size_t i) const { return observations_.row(i); }
  Fields final_observation(std::size_t i) const { return final_observations_.row(i); }
  Fields action(std::size_t i) const { return actions_.row(i); }
  ConstFields const_observation(std::size_t i) const { return observations_.const_row(i); }
  ConstFields const_final_observation(std::size_t i) const {
    return final_observations_.const_row(i);
  }
  ConstFields const_action(std::size_t i) const { return actions_.const_row(i); }

 private:
  class Columns {
   public:
    Columns(const std::vector<TensorSpec>& specs, std::size_t num_rows);

    Fields row(std::size_t i) const {
      return Fields(std::span(rows_).subspan(i * num_fields_, num_fields_));
    }
    ConstFields const_row(std::size_t i) const {
      return ConstFields(std::span(const_rows_).subspan(i * num_fields_, num_fields_));
    }
    template <class T>
    std::span<T> values(std::size_t field) const {
      check_element(field, sizeof(T));
      return {reinterpret_cast<T*>(rows_[field]), counts_[field]};
    }

   private:
    struct alignas(64) Line {
      std::byte bytes[64];
    };
    void check_element(std::size_t field, std::size_t size) const;

    std::size_t num_fields_;
    std::vector<std::size_t> counts_;         // elements of all rows, per field
    std::vector<std::size_t> element_sizes_;  // bytes, per field
    std::vector<std::vector<Line>> storage_;
    std::vector<std::byte*> rows_;  // [N, fields]
    std::vector<const std::byte*> const_rows_;
  };

  Columns observations_, final_observations_, actions_;
  std::vector<float> rewards_;
  std::vector<std::uint8_t> terminated_, truncated_, is_reset_;
};

}  // namespace rl
