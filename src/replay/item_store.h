// What a table does under its lock: items, fragments, selectors and counts, without any waiting.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/replay/selector.h"
#include "rl/replay/table.h"
#include "src/replay/huge_pages.h"

namespace rl::replay {

// Threads: one at a time (the table's lock guards it).
class ItemStore {
 public:
  explicit ItemStore(const TableOptions& options);

  // Throws Error, changing nothing, for what Table::insert refuses.
  void check(const FragmentPtr& fragment, std::optional<double> priority) const;
  // After check. Returns the number of items.
  std::size_t insert(FragmentPtr fragment, std::optional<double> priority);
  // Whether `count` draws are possible whatever they choose.
  bool can_draw(std::size_t count) const;
  std::vector<Item> sample(std::size_t count);
  void update_priorities(std::span<const std::uint64_t> keys, std::span<const double> priorities);

  std::size_t num_items() const { return sampler_->size(); }
  std::size_t num_steps() const { return num_steps_; }
  void add_counters(TableCounters& counters) const;
  // Fragments whose last item left: the caller destroys them, preferably without the lock.
  std::vector<FragmentPtr> take_freed() { return std::exchange(freed_, {}); }

  void save(ByteWriter& writer) const;
  // Into a new store. Throws Error when the state contradicts itself; the store is then unusable.
  void load(ByteReader& reader, std::shared_ptr<const FragmentSchema> schema);

 private:
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
  struct Record {
    std::uint32_t slot = kFree;
    std::uint32_t step = 0;
    std::uint32_t times_sampled = 0;
    std::uint32_t generation = 0;  // items that were at this index before
  };
  struct Slot {
    FragmentPtr fragment;
    std::uint32_t num_items = 0;
  };

  bool has_priorities() const;
  bool draws_in_order() const;
  std::size_t steps_of(const Record& record) const;
  std::uint64_t key(ItemIndex item) const;
  std::uint32_t add_slot(FragmentPtr fragment, std::uint32_t num_items);
  ItemIndex add_record(std::uint32_t slot, std::uint32_t step);
  void make_room(std::size_t num_steps);
  void release(ItemIndex item);
  void draw(std::size_t count, std::vector<Item>& items);
  void remove_exhausted();

  void save_fragments(ByteWriter& writer) const;
  void load_fragments(ByteReader& reader, const std::shared_ptr<const FragmentSchema>& schema);
  void load_records(ByteReader& reader);
  void check_items_once() const;
  void load_free_records(ByteReader& reader);
  void load_order(ByteReader& reader, ItemSelector& selector);
  void load_priorities(ByteReader& reader);
  void load_counts(ByteReader& reader);

  TableOptions options_;
  std::shared_ptr<const FragmentSchema> schema_;  // of the first fragment
  std::unique_ptr<ItemSelector> sampler_;
  std::unique_ptr<ItemSelector> remover_;
  RngStream sampler_random_;
  RngStream remover_random_;

  HugeVector<Record> records_;           // by item index
  std::vector<ItemIndex> free_records_;  // the last is taken first
  HugeVector<double> priorities_;        // by item index; empty unless a selector is prioritized
  HugeVector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<FragmentPtr> freed_;
  std::vector<Draw> draws_;              // of the batch under way
  std::vector<ItemIndex> batch_;         // likewise: items that come or go

  double highest_priority_ = 1.0;
  std::size_t num_steps_ = 0;
  std::uint64_t resident_draws_ = 0;  // times_sampled of all residents
  std::uint64_t num_inserted_ = 0;
  std::uint64_t num_inserted_steps_ = 0;
  std::uint64_t num_consumed_ = 0;
  std::uint64_t num_evicted_unsampled_ = 0;
};

}  // namespace rl::replay
