#include "src/replay/item_store.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "rl/core/error.h"

namespace rl::replay {
namespace {

constexpr std::uint64_t kSamplerStream = 0;
constexpr std::uint64_t kRemoverStream = 1;  // its own, so that evictions do not move the samples

std::string where(const TableOptions& options) { return "replay table '" + options.name + "'"; }

void check_priority(double priority, const TableOptions& options) {
  if (std::isfinite(priority) && priority >= 0.0) return;
  throw Error({.where = where(options),
               .what = "a priority is out of range",
               .expected = "a finite number >= 0",
               .got = std::to_string(priority),
               .remedy = "skip the update that made it: its loss is not finite"});
}

// The fragment and its reference count, which std::make_shared puts in front of it.
void prefetch(const FragmentPtr& fragment) {
  const auto* object = reinterpret_cast<const std::byte*>(fragment.get());
  __builtin_prefetch(object - 8, 1);
  __builtin_prefetch(object + sizeof(Fragment) - 1);
}

}  // namespace

ItemStore::ItemStore(const TableOptions& options)
    : options_(options),
      sampler_(make_selector(options.sampler, options.priority_exponent)),
      remover_(make_selector(options.remover, options.priority_exponent)),
      sampler_random_(options.seed, RngRole::replay, kSamplerStream),
      remover_random_(options.seed, RngRole::replay, kRemoverStream) {}

bool ItemStore::has_priorities() const {
  return options_.sampler == Selector::prioritized || options_.remover == Selector::prioritized;
}

bool ItemStore::draws_in_order() const {
  return options_.sampler == Selector::fifo || options_.sampler == Selector::lifo;
}

std::size_t ItemStore::steps_of(const Record& record) const {
  return options_.unit == ItemUnit::step ? 1 : slots_[record.slot].fragment->num_steps();
}

std::uint64_t ItemStore::key(ItemIndex item) const {
  return (std::uint64_t{records_[item].generation} << 32) | item;
}

void ItemStore::check(const FragmentPtr& fragment, std::optional<double> priority) const {
  if (!fragment || fragment->num_steps() == 0) {
    throw Error({.where = where(options_), .what = "a fragment has no steps"});
  }
  if (fragment->num_steps() > options_.capacity_steps) {
    throw Error({.where = where(options_),
                 .what = "a fragment is longer than the table",
                 .expected = "at most capacity_steps = " + std::to_string(options_.capacity_steps),
                 .got = std::to_string(fragment->num_steps()) + " steps",
                 .remedy = "raise capacity_steps or send shorter fragments"});
  }
  if (schema_ && schema_->digest() != fragment->schema().digest()) {
    throw Error({.where = where(options_),
                 .what = "a fragment has another schema than those before it",
                 .expected = "digest " + std::to_string(schema_->digest()),
                 .got = "digest " + std::to_string(fragment->schema().digest()),
                 .remedy = "use one table per schema"});
  }
  if (priority) check_priority(*priority, options_);
}

std::size_t ItemStore::insert(FragmentPtr fragment, std::optional<double> priority) {
  const std::size_t num_steps = fragment->num_steps();
  const auto num_items =
      static_cast<std::uint32_t>(options_.unit == ItemUnit::step ? num_steps : 1);
  const double new_priority = priority.value_or(highest_priority_);
  highest_priority_ = std::max(highest_priority_, new_priority);
  if (!schema_) schema_ = fragment->schema_ptr();

  make_room(num_steps);
  const std::uint32_t slot = add_slot(std::move(fragment), num_items);
  batch_.clear();
  for (std::uint32_t step = 0; step < num_items; ++step) batch_.push_back(add_record(slot, step));
  if (has_priorities()) {
    priorities_.resize(records_.size());
    for (const ItemIndex item : batch_) priorities_[item] = new_priority;
  }
  sampler_->insert(batch_, new_priority);
  remover_->insert(batch_, new_priority);
  num_steps_ += num_steps;
  num_inserted_ += num_items;
  num_inserted_steps_ += num_steps;
  return num_items;
}

std::uint32_t ItemStore::add_slot(FragmentPtr fragment, std::uint32_t num_items) {
  if (free_slots_.empty()) {
    slots_.push_back({std::move(fragment), num_items});
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = {std::move(fragment), num_items};
  return slot;
}

ItemIndex ItemStore::add_record(std::uint32_t slot, std::uint32_t step) {
  if (free_records_.empty()) {
    records_.push_back({.slot = slot, .step = step});
    return static_cast<ItemIndex>(records_.size() - 1);
  }
  const ItemIndex item = free_records_.back();
  free_records_.pop_back();
  records_[item] = {.slot = slot, .step = step, .generation = records_[item].generation};
  return item;
}

void ItemStore::make_room(std::size_t num_steps) {
  batch_.clear();
  while (num_steps_ + num_steps > options_.capacity_steps) {
    Draw victim;
    remover_->sample(remover_random_, {&victim, 1});
    remover_->remove({&victim.item, 1});
    batch_.push_back(victim.item);
    release(victim.item);
  }
  sampler_->remove(batch_);
}

void ItemStore::release(ItemIndex item) {
  Record& record = records_[item];
  num_steps_ -= steps_of(record);
  resident_draws_ -= record.times_sampled;
  (record.times_sampled > 0 ? num_consumed_ : num_evicted_unsampled_) += 1;
  Slot& slot = slots_[record.slot];
  if (--slot.num_items == 0) {
    freed_.push_back(std::move(slot.fragment));
    free_slots_.push_back(record.slot);
  }
  record = {.generation = record.generation + 1};
  free_records_.push_back(item);
}

bool ItemStore::can_draw(std::size_t count) const {
  if (draws_in_order()) return num_items() >= count;
  if (options_.max_times_sampled == 0) return num_items() > 0;
  return num_items() * std::uint64_t{options_.max_times_sampled} - resident_draws_ >= count;
}

std::vector<Item> ItemStore::sample(std::size_t count) {
  std::vector<Item> items;
  items.reserve(count);
  // Draws with replacement from items that may run out depend on each other: one at a time.
  const bool one_by_one = options_.max_times_sampled > 0 && !draws_in_order();
  while (items.size() < count) {
    draw(one_by_one ? 1 : count, items);
    if (options_.max_times_sampled > 0) remove_exhausted();
  }
  return items;
}

// Each pass touches memory that the pass before asked for, so the misses of a batch overlap.
void ItemStore::draw(std::size_t count, std::vector<Item>& items) {
  draws_.resize(count);
  sampler_->sample(sampler_random_, draws_);
  for (const Draw& draw : draws_) __builtin_prefetch(&records_[draw.item], 1);
  for (const Draw& draw : draws_) __builtin_prefetch(&slots_[records_[draw.item].slot]);
  for (const Draw& draw : draws_) prefetch(slots_[records_[draw.item].slot].fragment);
  for (const Draw& draw : draws_) {
    Record& record = records_[draw.item];
    if (record.times_sampled < std::numeric_limits<std::uint32_t>::max()) {
      ++record.times_sampled;
      ++resident_draws_;
    }
    items.push_back({slots_[record.slot].fragment, record.step, key(draw.item), draw.probability});
  }
}

void ItemStore::remove_exhausted() {
  batch_.clear();
  for (const Draw& draw : draws_) {
    if (records_[draw.item].times_sampled < options_.max_times_sampled) continue;
    batch_.push_back(draw.item);
    release(draw.item);
  }
  sampler_->remove(batch_);
  remover_->remove(batch_);
}

void ItemStore::update_priorities(std::span<const std::uint64_t> keys,
                                  std::span<const double> priorities) {
  if (keys.size() != priorities.size()) {
    throw Error({.where = where(options_),
                 .what = "priorities do not match their keys",
                 .expected = std::to_string(keys.size()) + " priorities",
                 .got = std::to_string(priorities.size())});
  }
  for (const double priority : priorities) check_priority(priority, options_);
  if (!has_priorities()) return;

  const auto index = [](std::uint64_t item_key) { return static_cast<ItemIndex>(item_key); };
  std::vector<double> known;
  known.reserve(keys.size());
  batch_.clear();
  for (const std::uint64_t item_key : keys) {
    if (index(item_key) < records_.size()) __builtin_prefetch(&records_[index(item_key)]);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const ItemIndex item = index(keys[i]);
    if (item >= records_.size() || records_[item].slot == kFree || key(item) != keys[i]) continue;
    batch_.push_back(item);
    known.push_back(priorities[i]);
    priorities_[item] = priorities[i];
    highest_priority_ = std::max(highest_priority_, priorities[i]);
  }
  sampler_->update(batch_, known);
  remover_->update(batch_, known);
}

void ItemStore::add_counters(TableCounters& counters) const {
  counters.inserted_items = num_inserted_;
  counters.inserted_steps = num_inserted_steps_;
  counters.consumed_items = num_consumed_;
  counters.evicted_unsampled = num_evicted_unsampled_;
  counters.items = num_items();
  counters.steps = num_steps_;
}

}  // namespace rl::replay
