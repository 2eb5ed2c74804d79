// ItemStore's part of a saved table; each list is preceded by its length:
//
//   | schema digest | fragment blocks | records | free records | sampler's order |
//   | remover's order | priorities in sampler's order | counts and stream positions |
#include <cmath>
#include <string>

#include "rl/core/error.h"
#include "src/replay/item_store.h"

namespace rl::replay {
namespace {

[[noreturn]] void contradiction(const std::string& what) {
  throw Error({.where = "state of a replay table",
               .what = what,
               .remedy = "go back to the checkpoint before this one"});
}

// A list's length, if that many entries can still follow.
std::size_t read_count(ByteReader& reader, std::size_t entry_bytes) {
  const auto count = reader.get<std::uint64_t>();
  if (count > reader.remaining() / entry_bytes) contradiction("a list is longer than the state");
  return count;
}

void put_items(ByteWriter& writer, std::span<const ItemIndex> items) {
  writer.put(std::uint64_t{items.size()});
  writer.put_raw(std::as_bytes(items));
}

}  // namespace

void ItemStore::save(ByteWriter& writer) const {
  save_fragments(writer);
  put_items(writer, free_records_);
  const auto order = sampler_->items();
  put_items(writer, order);
  put_items(writer, remover_->items());
  if (has_priorities()) {
    for (const ItemIndex item : order) writer.put(priorities_[item]);
  }
  writer.put(highest_priority_);
  writer.put(num_inserted_);
  writer.put(num_inserted_steps_);
  writer.put(num_consumed_);
  writer.put(num_evicted_unsampled_);
  writer.put(sampler_random_.position());
  writer.put(remover_random_.position());
}

void ItemStore::save_fragments(ByteWriter& writer) const {
  writer.put(schema_ ? schema_->digest() : std::uint64_t{0});
  writer.put(std::uint64_t{slots_.size() - free_slots_.size()});
  // In the order of their first items, so that the same table has one state whatever its slots.
  std::vector<std::uint32_t> place(slots_.size(), kFree);
  std::uint32_t num_saved = 0;
  for (const Record& record : records_) {
    if (record.slot == kFree || place[record.slot] != kFree) continue;
    writer.put_bytes(slots_[record.slot].fragment->block());
    place[record.slot] = num_saved++;
  }
  writer.put(std::uint64_t{records_.size()});
  for (const Record& record : records_) {
    writer.put(record.slot == kFree ? kFree : place[record.slot]);
    writer.put(record.step);
    writer.put(record.times_sampled);
    writer.put(record.generation);
  }
}

void ItemStore::load(ByteReader& reader, std::shared_ptr<const FragmentSchema> schema) {
  load_fragments(reader, schema);
  load_records(reader);
  check_items_once();
  load_free_records(reader);
  load_order(reader, *sampler_);
  load_order(reader, *remover_);
  if (has_priorities()) load_priorities(reader);
  load_counts(reader);
}

void ItemStore::load_fragments(ByteReader& reader,
                               const std::shared_ptr<const FragmentSchema>& schema) {
  const auto schema_digest = reader.get<std::uint64_t>();
  if (!schema || (schema_digest != 0 && schema_digest != schema->digest())) {
    throw Error({.where = "state of a replay table",
                 .what = "the state was saved with another schema",
                 .expected = schema ? std::to_string(schema->digest()) : "a schema",
                 .got = std::to_string(schema_digest),
                 .remedy = "resume with the environment of the saved run"});
  }
  if (schema_digest != 0) schema_ = schema;
  const std::size_t num_fragments = read_count(reader, sizeof(FragmentHeader));
  slots_.reserve(num_fragments);
  for (std::size_t i = 0; i < num_fragments; ++i) {
    auto fragment = Fragment::from_block(schema, reader.get_bytes());
    slots_.push_back({std::make_shared<const Fragment>(std::move(fragment)), 0});
  }
}

void ItemStore::load_records(ByteReader& reader) {
  records_.resize(read_count(reader, sizeof(Record)));
  for (Record& record : records_) {
    record.slot = reader.get<std::uint32_t>();
    record.step = reader.get<std::uint32_t>();
    record.times_sampled = reader.get<std::uint32_t>();
    record.generation = reader.get<std::uint32_t>();
    if (record.slot == kFree) {
      record = {.generation = record.generation};
      continue;
    }
    if (record.slot >= slots_.size()) contradiction("an item's fragment does not exist");
    const std::size_t num_places =
        options_.unit == ItemUnit::step ? slots_[record.slot].fragment->num_steps() : 1;
    if (record.step >= num_places) contradiction("an item lies behind its fragment's end");
    if (options_.max_times_sampled > 0 && record.times_sampled >= options_.max_times_sampled) {
      contradiction("an item was sampled too often to be resident");
    }
    slots_[record.slot].num_items += 1;
    num_steps_ += steps_of(record);
    resident_draws_ += record.times_sampled;
  }
  if (num_steps_ > options_.capacity_steps) contradiction("there are more steps than capacity");
}

void ItemStore::check_items_once() const {
  std::vector<std::size_t> first_place;  // of each fragment's steps in `taken`
  std::size_t num_places = 0;
  for (const Slot& slot : slots_) {
    if (slot.num_items == 0) contradiction("a fragment has no item");
    first_place.push_back(num_places);
    num_places += slot.fragment->num_steps();
  }
  std::vector<bool> taken(num_places);
  for (const Record& record : records_) {
    if (record.slot == kFree) continue;
    auto place = taken[first_place[record.slot] + record.step];
    if (place) contradiction("two items are the same");
    place = true;
  }
}

void ItemStore::load_free_records(ByteReader& reader) {
  std::vector<bool> seen(records_.size());
  free_records_.resize(read_count(reader, sizeof(ItemIndex)));
  for (ItemIndex& item : free_records_) {
    item = reader.get<ItemIndex>();
    if (item >= records_.size() || records_[item].slot != kFree || seen[item]) {
      contradiction("the list of free places is wrong");
    }
    seen[item] = true;
  }
}

void ItemStore::load_order(ByteReader& reader, ItemSelector& selector) {
  std::vector<bool> seen(records_.size());
  std::vector<ItemIndex> order(read_count(reader, sizeof(ItemIndex)));
  if (order.size() + free_records_.size() != records_.size()) {
    contradiction("a selector does not hold all items");
  }
  for (ItemIndex& item : order) {
    item = reader.get<ItemIndex>();
    if (item >= records_.size() || records_[item].slot == kFree || seen[item]) {
      contradiction("a selector's order is wrong");
    }
    seen[item] = true;
  }
  selector.insert(order, 0.0);
}

void ItemStore::load_priorities(ByteReader& reader) {
  const auto order = sampler_->items();
  std::vector<double> in_order;
  in_order.reserve(order.size());
  priorities_.resize(records_.size());
  for (const ItemIndex item : order) {
    const auto priority = reader.get<double>();
    if (!std::isfinite(priority) || priority < 0.0) contradiction("a priority is out of range");
    priorities_[item] = priority;
    in_order.push_back(priority);
  }
  sampler_->update(order, in_order);
  remover_->update(order, in_order);
}

void ItemStore::load_counts(ByteReader& reader) {
  highest_priority_ = reader.get<double>();
  num_inserted_ = reader.get<std::uint64_t>();
  num_inserted_steps_ = reader.get<std::uint64_t>();
  num_consumed_ = reader.get<std::uint64_t>();
  num_evicted_unsampled_ = reader.get<std::uint64_t>();
  sampler_random_.seek(reader.get<std::uint64_t>());
  remover_random_.seek(reader.get<std::uint64_t>());
  if (!std::isfinite(highest_priority_) || highest_priority_ < 0.0) {
    contradiction("the highest priority is out of range");
  }
  if (num_consumed_ > num_inserted_ ||
      num_evicted_unsampled_ > num_inserted_ - num_consumed_ ||
      num_items() != num_inserted_ - num_consumed_ - num_evicted_unsampled_) {
    contradiction("the counters do not add up");
  }
}

}  // namespace rl::replay
