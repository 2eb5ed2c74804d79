// Sampled steps as contiguous arrays, for off-policy learners.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/fragment.h"
#include "rl/replay/table.h"

namespace rl::replay {

// One column of a batch: [B, the tensor's shape], row b belonging to the b-th item.
// Threads: a value type.
struct BatchColumn {
  const ColumnSpec* column = nullptr;  // lives as long as the batch's schema
  Bytes data{};

  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

// Transitions over up to n steps (Sutton 1988; in deep Q-learning: Hessel et al. 2018, "Rainbow",
// section 3). For the item at step t of a fragment of T steps, k = min(n, T - t) and
//
//   rewards   = sum over i < k of discount^i * reward[t + i]
//   next      = observations[t + k]
//   discounts = 0 when the fragment ended as terminated and t + k = T, else discount^k
//
// so that the learner's target is always rewards + discounts * value(next). A window never crosses
// its fragment's end; where the fragment was truncated or its episode runs on in the next one, the
// window is cut short there and bootstraps from the fragment's final observation.
// Threads: a value type.
struct TransitionBatch {
  std::size_t size = 0;  // B
  std::shared_ptr<const FragmentSchema> schema{};
  std::vector<BatchColumn> observations{};       // columns named "observation...", schema order
  std::vector<BatchColumn> actions{};            // columns named "action...", schema order
  std::vector<BatchColumn> next_observations{};  // as observations
  std::vector<float> rewards{};                  // [B]
  std::vector<float> discounts{};                // [B]
};

// Gathers what `items` show. Sums are made in double and rounded once. The fragments may be freed
// afterwards. Throws Error for no items, items of different schemas, a schema without a float
// reward, an item behind its fragment's end, n_step 0 or a discount outside [0, 1].
// Threads: any; fragments are only read.
TransitionBatch gather_transitions(std::span<const Item> items, std::size_t n_step,
                                   double discount);

}  // namespace rl::replay
