// Rows for tests that step environments.
#pragma once

#include <cstddef>
#include <vector>

#include "rl/core/fields.h"
#include "rl/core/rng.h"
#include "rl/core/spec.h"

namespace rl {

// One owned row per tensor, 64-byte aligned, with 64 guarded bytes behind each.
class OwnedRows {
 public:
  explicit OwnedRows(const std::vector<TensorSpec>& specs);
  OwnedRows(OwnedRows&&) = default;
  OwnedRows& operator=(OwnedRows&&) = default;

  Fields fields() const { return Fields(rows_); }
  ConstFields const_fields() const { return ConstFields(const_rows_); }
  void poison(std::byte value);  // fills rows and guards
  bool guards_are(std::byte value) const;
  std::vector<std::byte> bytes() const;  // of all rows, guards left out

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<std::size_t> sizes_;
  std::vector<std::vector<Line>> lines_;
  std::vector<std::byte*> rows_;
  std::vector<const std::byte*> const_rows_;
};

// Writes element i of a row, converted to the tensor's type.
void set_element(const TensorSpec& spec, std::byte* row, std::size_t i, double value);

// A uniformly drawn action that the observation's mask allows. Continuous actions leave their
// bounds now and then.
void draw_action(const EnvironmentSpec& spec, ConstFields observation, RngStream& stream,
                 Fields action);

}  // namespace rl
