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

namespace rl::replay {

enum class Selector : std::uint8_t { uniform, fifo, lifo, prioritized };

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
  std::size_t capacity_steps = 100000;  // the remover makes room above this
  std::uint32_t max_times_sampled = 0;  // an item leaves after this many samples; 0: no limit
  double priority_exponent = 0.6;       // alpha of the prioritized sampler
  RateLimiterOptions limiter{};
  std::uint64_t seed = 0;               // run seed of the sampler's stream
};

struct Item {
  FragmentPtr fragment;
  std::uint32_t step = 0;      // 0 for whole fragments
  std::uint64_t key = 0;       // for update_priorities
  double probability = 1.0;    // with which this draw chose it
};

struct TableCounters {
  std::uint64_t inserted_items = 0;
  std::uint64_t inserted_steps = 0;
  std::uint64_t sampled_items = 0;       // draws
  std::uint64_t consumed_items = 0;      // items sampled at least once that have left
  std::uint64_t evicted_unsampled = 0;   // items the remover took before their first sample
  std::size_t items = 0;                 // resident
  std::size_t steps = 0;
};

// Items reference shared fragments, so their bytes are freed with the last item of a fragment.
// Threads: every method may be called from any thread. Waits end at their deadline or at close().
class Table {
 public:
  explicit Table(TableOptions options);
  ~Table();

  // Waits while the rate limiter holds inserts back; false at the deadline or after close(), and
  // then nothing was inserted. Without a priority, the highest seen so far.
  bool insert(FragmentPtr fragment, std::chrono::milliseconds deadline,
              std::optional<double> priority = std::nullopt);

  // `count` draws with replacement (fifo and lifo: in order, without). nullopt when the limiter or
  // too few items held it back until the deadline; nothing was sampled then.
  std::optional<std::vector<Item>> sample(std::size_t count, std::chrono::milliseconds deadline);

  // Unknown keys (evicted since) are skipped. Priorities are finite and >= 0.
  void update_priorities(std::span<const std::uint64_t> keys, std::span<const double> priorities);

  std::size_t num_items() const;
  std::size_t num_steps() const;
  TableCounters counters() const;
  void close();  // wakes every waiter

  // Everything that decides future samples: fragments, items, priorities, limiter, random stream.
  Bytes save_state() const;
  // Into an empty table with the same options and schema, else throws Error and stays empty.
  void load_state(std::span<const std::byte> state, std::shared_ptr<const FragmentSchema> schema);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::replay
