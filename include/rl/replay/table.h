// A replay table: fragments in, sampled items out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/fragment.h"
#include "rl/replay/rate_limiter.h"
#include "rl/replay/selector.h"

namespace rl::replay {

// What one item is.
enum class ItemUnit : std::uint8_t {
  fragment,  // a whole fragment (on-policy)
  step,      // one step of a fragment (off-policy)
};

struct TableOptions {
  std::string name = "experience";
  ItemUnit unit = ItemUnit::step;
  Selector sampler = Selector::uniform;
  Selector remover = Selector::fifo;
  std::size_t capacity_steps = 100000;  // the remover makes room above this; below 2^32 - 1
  std::uint32_t max_times_sampled = 0;  // an item leaves after this many samples; 0: no limit
  double priority_exponent = 0.6;       // alpha of prioritized selectors, >= 0
  RateLimiterOptions limiter{};
  std::uint64_t seed = 0;               // run seed of the table's random streams
};

// Throws Error naming the field.
void validate(const TableOptions& options);

struct Item {
  FragmentPtr fragment;
  std::uint32_t step = 0;      // 0 for whole fragments
  std::uint64_t key = 0;       // for update_priorities; never given to two items
  double probability = 1.0;    // with which this draw chose it
};

// At every moment: inserted_items = items + consumed_items + evicted_unsampled.
struct TableCounters {
  std::uint64_t inserted_items = 0;
  std::uint64_t inserted_steps = 0;
  std::uint64_t sampled_items = 0;       // draws
  std::uint64_t consumed_items = 0;      // items sampled at least once that have left
  std::uint64_t evicted_unsampled = 0;   // items the remover took before their first sample
  std::size_t items = 0;                 // resident
  std::size_t steps = 0;                 // resident; what capacity_steps bounds
};

// Who owns what (A ──► B: A keeps B alive):
//
//   Table ──► sampler, remover      two selectors over the same item indices
//     │
//     ├─► records  [ item 0 | item 1 | item 2 | item 3 | ... ]    16 bytes each
//     │                │        │        │        │
//     │                ▼        ▼        ▼        ▼               by slot number
//     └─► slots    [ slot 0: 3 items         | slot 1: 1 item  | ... ]
//                        │                          │
//                        ▼ shared                   ▼ shared
//   Item (drawn) ──► Fragment                    Fragment  ◄── whoever else holds a FragmentPtr
//
// A slot lets go of its fragment with its last item, so overlapping items share bytes and a drawn
// Item stays valid whatever the table does afterwards. Removing frees outside the lock.
//
// Threads: every method may be called from any thread. Waits end at their deadline or at close().
// Memory that runs out (std::bad_alloc) in the middle of a change ends the table: it is closed, and
// later calls throw Error; the counts stay readable.
class Table {
 public:
  explicit Table(TableOptions options);  // throws Error as validate() does
  ~Table();                              // no call may be under way

  // Waits while the rate limiter holds inserts back; false at the deadline or after close(), and
  // then nothing was inserted. Without a priority, the highest seen so far (at least 1). A fragment
  // of T steps becomes T items, or one, in one step that no sample sees half done. Throws Error,
  // having changed nothing, for an empty or null fragment, one longer than the capacity, another
  // schema than the resident fragments', or a priority that is negative or not finite.
  bool insert(FragmentPtr fragment, std::chrono::milliseconds deadline,
              std::optional<double> priority = std::nullopt);

  // `count` draws with replacement (fifo and lifo: in order, without). nullopt when the limiter or
  // too few items held it back until the deadline, or until close(); nothing was sampled then.
  // After close() what can be sampled without waiting still is. With max_times_sampled an item
  // leaves with its last draw, in the middle of the batch if need be. Throws Error when the
  // limiter's bounds can never admit `count`.
  std::optional<std::vector<Item>> sample(std::size_t count, std::chrono::milliseconds deadline);

  // Unknown keys (evicted since) are skipped; of equal keys the last counts. Throws Error, having
  // changed nothing, for spans of unequal length or a priority that is negative or not finite.
  void update_priorities(std::span<const std::uint64_t> keys, std::span<const double> priorities);

  std::size_t num_items() const;
  std::size_t num_steps() const;
  TableCounters counters() const;
  const TableOptions& options() const;
  void close();  // wakes every waiter

  // Everything that decides future samples: fragments (each once), items, keys, priorities,
  // counters, limiter, random streams. Other calls wait meanwhile.
  Bytes save_state() const;
  // Into a table nothing was inserted into yet, with the same options except the name, and the
  // state's schema. After it the next samples have the same bytes as without the interruption. Any
  // other state, damaged or hostile, throws Error and the table stays empty.
  void load_state(std::span<const std::byte> state, std::shared_ptr<const FragmentSchema> schema);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::replay
