// Fragments: the unit of experience that is sent, stored and batched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"

namespace rl {

// One column of a fragment. Columns whose value exists before and after every step (observations)
// hold T + 1 rows: row t is what step t saw, row T is what followed the last step.
struct ColumnSpec {
  TensorSpec tensor;
  bool has_final_row = false;

  friend bool operator==(const ColumnSpec&, const ColumnSpec&) = default;
};

// The columns every fragment of a run has, in order.
// Threads: immutable after construction.
class FragmentSchema {
 public:
  explicit FragmentSchema(std::vector<ColumnSpec> columns);

  const std::vector<ColumnSpec>& columns() const { return columns_; }
  int find(std::string_view name) const;              // index, or -1
  std::size_t require(std::string_view name) const;   // index, or Error listing the columns
  std::uint64_t digest() const { return digest_; }
  std::size_t num_rows(std::size_t column, std::size_t num_steps) const;
  // Bytes of header and columns for T steps, continuation excluded; a multiple of 64.
  std::size_t block_bytes(std::size_t num_steps) const;
  std::size_t column_offset(std::size_t column, std::size_t num_steps) const;  // from block start

 private:
  std::vector<ColumnSpec> columns_;
  std::uint64_t digest_;
};

// Standard column names. Observation columns carry the observation's own name with this prefix.
inline constexpr std::string_view kObservationPrefix = "observation.";
inline constexpr std::string_view kActionPrefix = "action.";
inline constexpr std::string_view kRewardColumn = "reward";                  // f32 []
inline constexpr std::string_view kLogProbColumn = "log_prob";               // f32 [], behaviour policy
inline constexpr std::string_view kPolicyVersionColumn = "policy_version";   // i64 []

// observations (T + 1 rows each), actions, reward, log_prob, policy_version.
FragmentSchema make_schema(const EnvironmentSpec& spec);

enum class FragmentEnd : std::uint8_t {
  running = 0,     // the episode goes on in the environment's next fragment
  terminated = 1,  // the task ended: the final observation's value is 0
  truncated = 2,   // cut from outside: bootstrap with the final observation
};

// First 128 bytes of a fragment's block: the same in memory, on the wire and on disk.
struct FragmentHeader {
  std::uint64_t schema_digest = 0;
  std::uint64_t environment = 0;      // index of the environment within the run
  std::uint64_t sequence = 0;         // number of this fragment within its environment, from 0
  std::uint64_t episode = 0;          // number of the episode within its environment, from 0
  std::uint64_t group = 0;            // samples of one prompt share it; 0 for none
  std::uint64_t round = 0;            // lockstep round it was collected in, from 1; 0: async
  double episode_return = 0.0;        // undiscounted, up to and including this fragment
  std::uint32_t num_steps = 0;        // T
  std::uint32_t first_step = 0;       // step of the episode that row 0 is
  std::uint32_t continuation_bytes = 0;  // opaque environment state behind the columns
  FragmentEnd end = FragmentEnd::running;
  std::uint8_t ends_round = 0;        // 1: the environment's last fragment of its round
  std::uint8_t reserved[58] = {};        // zero
};
static_assert(sizeof(FragmentHeader) == 128);

// Consecutive steps of one environment, at most one episode's, as a struct of arrays in one
// 64-byte aligned allocation:
//
//   | header 128 B | column 0 | column 1 | ... | continuation |     each column 64-byte aligned
//
// Built by one thread through the mutable accessors, then shared as `FragmentPtr` and never
// written again, so that replay, transport and batches hold the same bytes without a lock.
class Fragment {
 public:
  // Zero-filled columns for num_steps steps.
  Fragment(std::shared_ptr<const FragmentSchema> schema, std::size_t num_steps,
           std::size_t continuation_bytes = 0);
  // The header of a block received from outside. Throws Error, naming the field, unless the digest
  // is the schema's and flags and the number of steps are possible; lengths are not compared.
  static FragmentHeader read_header(const FragmentSchema& schema, std::span<const std::byte> block);
  // Copies a block received from outside. Throws Error like read_header(), and unless the block has
  // exactly the size that its header implies. Values inside the columns are not checked here: see
  // find_defect().
  static Fragment from_block(std::shared_ptr<const FragmentSchema> schema,
                             std::span<const std::byte> block);

  const FragmentSchema& schema() const { return *schema_; }
  const std::shared_ptr<const FragmentSchema>& schema_ptr() const { return schema_; }
  FragmentHeader& header() { return *reinterpret_cast<FragmentHeader*>(block_.get()); }
  const FragmentHeader& header() const {
    return *reinterpret_cast<const FragmentHeader*>(block_.get());
  }
  std::size_t num_steps() const { return header().num_steps; }

  std::byte* row(std::size_t column, std::size_t step);
  const std::byte* row(std::size_t column, std::size_t step) const;
  template <class T>
  std::span<T> column(std::size_t index);  // [rows * elements]
  template <class T>
  std::span<const T> column(std::size_t index) const;

  std::span<std::byte> continuation();
  std::span<const std::byte> continuation() const;
  // The whole block: what is sent and stored.
  std::span<const std::byte> block() const { return {block_.get(), block_bytes_}; }

  // A copy of the first num_steps steps; row num_steps of the observations becomes the final row.
  Fragment prefix(std::size_t num_steps, std::size_t continuation_bytes = 0) const;

 private:
  struct GiveBack {
    std::size_t bytes = 0;
    void operator()(std::byte* block) const;
  };
  Fragment(std::shared_ptr<const FragmentSchema> schema, std::span<const std::byte> block);

  std::shared_ptr<const FragmentSchema> schema_;
  std::size_t block_bytes_;
  std::unique_ptr<std::byte[], GiveBack> block_;
};

using FragmentPtr = std::shared_ptr<const Fragment>;

// The first thing in the fragment's values that must never reach the weights, as a sentence, or an
// empty string: a non-finite float, an action or observation outside its bounds (observations and
// rewards with 1e-3 relative slack), a reward outside the spec, a log-prob outside [-1e4, 1e4] or,
// where every action is discrete and it is a probability's, above 0 by more than rounding (1e-6), a
// negative version.
std::string find_defect(const Fragment& fragment, const EnvironmentSpec& spec);

template <class T>
std::span<T> Fragment::column(std::size_t index) {
  const auto& tensor = schema_->columns()[index].tensor;
  const std::size_t count = schema_->num_rows(index, num_steps()) * tensor.num_elements();
  return {reinterpret_cast<T*>(row(index, 0)), count};
}

template <class T>
std::span<const T> Fragment::column(std::size_t index) const {
  const auto& tensor = schema_->columns()[index].tensor;
  const std::size_t count = schema_->num_rows(index, num_steps()) * tensor.num_elements();
  return {reinterpret_cast<const T*>(row(index, 0)), count};
}

}  // namespace rl
