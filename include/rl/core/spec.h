// Named, typed descriptions of what crosses an environment's border.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rl {

// Element types. The numbers are part of the wire and file formats: never reuse one.
enum class DType : std::uint8_t {
  u8 = 1,
  i32 = 2,
  i64 = 3,
  f32 = 4,
  f64 = 5,
  f16 = 6,
  bf16 = 7,
};

std::size_t size_bytes(DType dtype);
std::string_view name(DType dtype);  // "u8", "i32", ...

// Extents of one step's value, without leading time or batch dimensions. {} is a scalar.
using Shape = std::vector<std::int64_t>;

std::size_t num_elements(const Shape& shape);  // 1 for a scalar

// One named tensor of a step. Bounds are inclusive, in the tensor's own unit; each of `low` and
// `high` holds nothing (unbounded), one value (for every element) or one value per element.
struct TensorSpec {
  std::string name{};
  DType dtype = DType::f32;
  Shape shape{};
  std::vector<double> low{};
  std::vector<double> high{};

  std::size_t num_elements() const { return rl::num_elements(shape); }
  std::size_t row_bytes() const { return num_elements() * size_bytes(dtype); }
  double low_at(std::size_t element) const;   // -infinity when unbounded
  double high_at(std::size_t element) const;  // +infinity when unbounded
  bool is_discrete() const { return dtype == DType::i32 || dtype == DType::i64; }
  // Number of values of one element of a discrete tensor that starts at 0: high + 1.
  std::int64_t num_categories(std::size_t element) const;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// An observation of this name (u8, one flag per category of the action, categories of several
// action elements one after the other) masks actions: 0 forbids, 1 allows. At least one per element.
inline constexpr std::string_view kActionMaskName = "action_mask";

// What an environment shows and takes. One action tensor today is `actions[0]`; the list leaves
// room for several agents and composite actions.
struct EnvironmentSpec {
  std::string name{};                    // registry name, e.g. "CartPole-v1"
  std::vector<TensorSpec> observations{};  // at least one
  std::vector<TensorSpec> actions{};       // at least one
  std::int64_t max_episode_steps = 0;    // steps until truncation; 0: no limit
  double reward_low = -1e6;              // a reward outside is out of spec
  double reward_high = 1e6;

  friend bool operator==(const EnvironmentSpec&, const EnvironmentSpec&) = default;
};

// Throws Error naming the field when a spec contradicts itself (no name, no observation, bounds of
// the wrong length, low > high, discrete action that does not start at 0, mask of the wrong size).
void validate(const EnvironmentSpec& spec);

// One line per tensor, stable text: shown to users, hashed by `digest`, kept in files.
//
//   environment CartPole-v1
//   observation state f32[4] low(-4.8) high(4.8)
//   action push i32[] low(0) high(1)
//   reward low(-1) high(1)
//   max_episode_steps 500
std::string describe(const TensorSpec& spec);
std::string describe(const EnvironmentSpec& spec);
// Reads what describe() wrote and validates it. Throws Error naming the line.
EnvironmentSpec spec_from_text(std::string_view text);
std::uint64_t digest(const EnvironmentSpec& spec);

// Index of the named tensor, or -1.
int find(const std::vector<TensorSpec>& specs, std::string_view name);

}  // namespace rl
