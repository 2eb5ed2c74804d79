#include "rl/replay/table.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "rl/core/checksum.h"
#include "rl/core/error.h"
#include "src/replay/item_store.h"
#include "src/replay/table_state.h"

namespace rl::replay {
namespace {

using Clock = std::chrono::steady_clock;

// Longer deadlines would overflow the clock.
Clock::time_point until(std::chrono::milliseconds deadline) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
  return Clock::now() + std::min(deadline, kLongest);
}

}  // namespace

void validate(const TableOptions& options) {
  const std::string where = "replay table '" + options.name + "'";
  if (options.unit != ItemUnit::fragment && options.unit != ItemUnit::step) {
    throw Error({.where = where,
                 .what = "unit is unknown",
                 .expected = "fragment or step",
                 .got = "number " + std::to_string(static_cast<int>(options.unit))});
  }
  constexpr std::size_t kMaxCapacity = 0xFFFFFFFEU;
  if (options.capacity_steps == 0 || options.capacity_steps > kMaxCapacity) {
    throw Error({.where = where,
                 .what = "capacity_steps is out of range",
                 .expected = "1 to " + std::to_string(kMaxCapacity),
                 .got = std::to_string(options.capacity_steps)});
  }
  if (!std::isfinite(options.priority_exponent) || options.priority_exponent < 0.0) {
    throw Error({.where = where,
                 .what = "priority_exponent is out of range",
                 .expected = "a finite number >= 0",
                 .got = std::to_string(options.priority_exponent)});
  }
  validate(options.limiter);
  if (options.limiter.min_size > options.capacity_steps) {
    throw Error({.where = where,
                 .what = "limiter.min_size is more than the table can hold",
                 .expected = "at most capacity_steps = " + std::to_string(options.capacity_steps),
                 .got = std::to_string(options.limiter.min_size),
                 .remedy = "raise capacity_steps or lower limiter.min_size"});
  }
}

struct Table::Impl {
  explicit Impl(TableOptions table_options)
      : options(std::move(table_options)), limiter(options.limiter), store(options) {}

  // Runs `change` on the store. Memory that runs out in its middle leaves the store in pieces: it
  // is not used again.
  template <class Change>
  auto changing(const Change& change) {
    require_whole();
    try {
      return change();
    } catch (const std::bad_alloc&) {
      broken = closed = true;
      may_insert.notify_all();
      may_sample.notify_all();
      throw;
    }
  }
  void require_whole() const {
    if (!broken) return;
    throw Error({.where = "replay table '" + options.name + "'",
                 .what = "memory ran out during an earlier call, and with it what the table held",
                 .remedy = "free memory or lower capacity_steps, and go on from a checkpoint"});
  }

  bool can_sample(std::size_t count) const {
    return limiter.can_sample(count, store.num_items()) && store.can_draw(count);
  }

  const TableOptions options;
  mutable std::mutex mutex;  // guards all below
  std::condition_variable may_insert;
  std::condition_variable may_sample;
  RateLimiter limiter;
  ItemStore store;
  bool closed = false;
  bool broken = false;
};

Table::Table(TableOptions options) {
  validate(options);
  impl_ = std::make_unique<Impl>(std::move(options));
}

Table::~Table() = default;

bool Table::insert(FragmentPtr fragment, std::chrono::milliseconds deadline,
                   std::optional<double> priority) {
  std::vector<FragmentPtr> freed;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->require_whole();
    impl_->store.check(fragment, priority);
    const auto ready = [this] {
      return impl_->closed || impl_->limiter.can_insert(impl_->store.num_items());
    };
    if (!impl_->may_insert.wait_until(lock, until(deadline), ready) || impl_->closed) return false;
    impl_->store.check(fragment, priority);  // another thread's fragment may have set the schema
    freed = impl_->changing([&] {
      impl_->limiter.inserted(impl_->store.insert(std::move(fragment), priority));
      return impl_->store.take_freed();
    });
  }
  impl_->may_sample.notify_all();
  return true;
}

std::optional<std::vector<Item>> Table::sample(std::size_t count,
                                               std::chrono::milliseconds deadline) {
  std::vector<FragmentPtr> freed;
  std::optional<std::vector<Item>> items;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->require_whole();
    impl_->limiter.require_possible(count);
    const auto ready = [&] { return impl_->closed || impl_->can_sample(count); };
    impl_->may_sample.wait_until(lock, until(deadline), ready);
    if (!impl_->can_sample(count)) return std::nullopt;
    freed = impl_->changing([&] {
      items = impl_->store.sample(count);
      impl_->limiter.sampled(count);
      return impl_->store.take_freed();
    });
  }
  impl_->may_insert.notify_all();
  return items;
}

void Table::update_priorities(std::span<const std::uint64_t> keys,
                              std::span<const double> priorities) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->changing([&] { impl_->store.update_priorities(keys, priorities); });
}

std::size_t Table::num_items() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->store.num_items();
}

std::size_t Table::num_steps() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->store.num_steps();
}

TableCounters Table::counters() const {
  const std::scoped_lock lock(impl_->mutex);
  TableCounters counters;
  impl_->store.add_counters(counters);
  counters.sampled_items = impl_->limiter.num_sampled();
  return counters;
}

const TableOptions& Table::options() const { return impl_->options; }

void Table::close() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->closed = true;
  }
  impl_->may_insert.notify_all();
  impl_->may_sample.notify_all();
}

Bytes Table::save_state() const {
  const std::scoped_lock lock(impl_->mutex);
  impl_->require_whole();
  ByteWriter writer;
  write_state_header(writer, impl_->options);
  writer.put(impl_->limiter.num_sampled());
  impl_->store.save(writer);
  writer.put(crc32c(writer.bytes()));
  return writer.take();
}

void Table::load_state(std::span<const std::byte> state,
                       std::shared_ptr<const FragmentSchema> schema) {
  ItemStore loaded(impl_->options);
  const std::string where = "state of replay table '" + impl_->options.name + "'";
  ByteReader reader(checked_body(state, where), where);
  read_state_header(reader, impl_->options, where);
  const auto num_sampled = reader.get<std::uint64_t>();
  loaded.load(reader, std::move(schema));
  reader.expect_end();
  TableCounters counters;
  loaded.add_counters(counters);

  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->limiter.num_inserted() > 0) {
      throw Error({.where = where,
                   .what = "the table already holds experience",
                   .remedy = "load into a new table"});
    }
    impl_->store = std::move(loaded);
    impl_->limiter.restore(counters.inserted_items, num_sampled);
  }
  impl_->may_insert.notify_all();
  impl_->may_sample.notify_all();
}

}  // namespace rl::replay
