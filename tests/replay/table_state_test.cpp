#include <doctest/doctest.h>

#include <cstring>

#include "replay/replay_fragments.h"
#include "rl/core/checksum.h"
#include "rl/core/error.h"
#include "rl/replay/table.h"

namespace rl::replay {
namespace {

using test::fragment;
using test::schema;

constexpr std::chrono::milliseconds kNow{0};

struct Trace {
  std::vector<std::uint64_t> keys;
  std::vector<std::uint64_t> fragments;
  std::vector<std::uint32_t> steps;
  std::vector<double> probabilities;

  friend bool operator==(const Trace&, const Trace&) = default;
};

// A stretch of a run: inserts, samples and updates, as `random` decides.
Trace use(Table& table, RngStream& random, int num_operations) {
  Trace trace;
  std::vector<double> priorities;
  for (int i = 0; i < num_operations; ++i) {
    table.insert(fragment(1 + random.below(5), random.next_u32()), kNow);
    const auto items = table.sample(3, kNow);
    if (!items) continue;
    const std::size_t before = trace.keys.size();
    for (const Item& item : *items) {
      trace.keys.push_back(item.key);
      trace.fragments.push_back(item.fragment->header().sequence);
      trace.steps.push_back(item.step);
      trace.probabilities.push_back(item.probability);
      priorities.push_back(random.uniform(0.0, 2.0));
    }
    table.update_priorities(std::span(trace.keys).subspan(before),
                            std::span(priorities).subspan(before));
  }
  return trace;
}

TableOptions prioritized_options() {
  return {.sampler = Selector::prioritized, .capacity_steps = 50, .seed = 9};
}

Bytes prioritized_state() {
  Table table(prioritized_options());
  RngStream random(1, RngRole::test, 0);
  use(table, random, 30);
  return table.save_state();
}

// So that the check behind the checksum is what refuses.
void renew_checksum(Bytes& state) {
  const std::size_t body = state.size() - sizeof(std::uint32_t);
  const std::uint32_t checksum = crc32c(std::span(state).first(body));
  std::memcpy(state.data() + body, &checksum, sizeof checksum);
}

void check_refused(std::span<const std::byte> state) {
  Table table(prioritized_options());
  CHECK_THROWS_AS(table.load_state(state, schema()), Error);
  CHECK(table.num_items() == 0);
  CHECK(table.insert(fragment(2), kNow));
}

TEST_SUITE("Table state") {
  TEST_CASE("a restored table goes on with the same bytes, for every pair of selectors") {
    constexpr Selector kSelectors[] = {Selector::uniform, Selector::fifo, Selector::lifo,
                                       Selector::prioritized};
    for (const Selector sampler : kSelectors) {
      for (const Selector remover : kSelectors) {
        for (const std::uint32_t max_times_sampled : {0U, 2U}) {
          for (const ItemUnit unit : {ItemUnit::fragment, ItemUnit::step}) {
            const TableOptions options = {.unit = unit,
                                          .sampler = sampler,
                                          .remover = remover,
                                          .capacity_steps = 60,
                                          .max_times_sampled = max_times_sampled,
                                          .limiter = {.min_size = 4},
                                          .seed = 5};
            Table whole(options);
            RngStream random(2, RngRole::test, 0);
            use(whole, random, 60);
            Table resumed(options);
            resumed.load_state(whole.save_state(), schema());
            REQUIRE(resumed.save_state() == whole.save_state());
            RngStream same = random;
            const Trace expected = use(whole, random, 60);
            REQUIRE_FALSE(expected.keys.empty());
            REQUIRE(use(resumed, same, 60) == expected);
            REQUIRE(resumed.save_state() == whole.save_state());
          }
        }
      }
    }
  }

  TEST_CASE("saving changes nothing") {
    Table table(prioritized_options());
    RngStream random(1, RngRole::test, 0);
    use(table, random, 10);
    CHECK(table.save_state() == table.save_state());
  }

  TEST_CASE("a table nothing was inserted into is restored to that") {
    Table table(prioritized_options());
    Table restored(prioritized_options());
    restored.load_state(table.save_state(), schema());
    CHECK(restored.num_items() == 0);
    CHECK(restored.insert(fragment(3), kNow));
  }

  TEST_CASE("counters and the limiter's difference survive") {
    const TableOptions options = {.sampler = Selector::fifo,
                                  .max_times_sampled = 1,
                                  .limiter = {.min_difference = 0.0, .max_difference = 8.0}};
    Table table(options);
    table.insert(fragment(8), kNow);
    table.sample(3, kNow);
    Table restored(options);
    restored.load_state(table.save_state(), schema());
    const TableCounters counters = restored.counters();
    CHECK(counters.inserted_items == 8);
    CHECK(counters.sampled_items == 3);
    CHECK(counters.consumed_items == 3);
    CHECK(counters.steps == 5);
    CHECK_FALSE(restored.sample(6, kNow));
    CHECK(restored.sample(5, kNow));
  }

  TEST_CASE("each fragment is saved once, however many items it has") {
    Table table({});
    table.insert(fragment(1000), kNow);
    const std::size_t block = fragment(1000)->block().size();
    constexpr std::size_t kItemBytes = 16 + 4 + 4;  // record, two orders
    CHECK(table.save_state().size() < block + 1000 * kItemBytes + 1024);
  }

  TEST_CASE("other options or another schema are refused with both sides shown") {
    const Bytes state = prioritized_state();
    TableOptions options = prioritized_options();
    options.capacity_steps = 51;
    Table other(options);
    CHECK_THROWS_WITH_AS(other.load_state(state, schema()),
                         doctest::Contains("capacity_steps 51"), Error);
    CHECK_THROWS_WITH_AS(other.load_state(state, schema()),
                         doctest::Contains("capacity_steps 50"), Error);
    Table table(prioritized_options());
    const auto foreign = std::make_shared<const FragmentSchema>(
        std::vector<ColumnSpec>{{{.name = "reward"}, false}});
    CHECK_THROWS_WITH_AS(table.load_state(state, foreign), doctest::Contains("schema"), Error);
    CHECK_THROWS_WITH_AS(table.load_state(state, nullptr), doctest::Contains("schema"), Error);
    CHECK(table.num_items() == 0);
  }

  TEST_CASE("a table in use refuses a state and keeps what it has") {
    Table table(prioritized_options());
    table.insert(fragment(2), kNow);
    CHECK_THROWS_WITH_AS(table.load_state(prioritized_state(), schema()),
                         doctest::Contains("new table"), Error);
    CHECK(table.num_items() == 2);
  }

  TEST_CASE("every truncation is refused") {
    const Bytes state = prioritized_state();
    for (std::size_t size = 0; size < state.size(); size += 7) {
      check_refused(std::span(state).first(size));
      if (size < sizeof(std::uint32_t)) continue;
      Bytes cut(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size));
      renew_checksum(cut);
      check_refused(cut);
    }
  }

  TEST_CASE("every flipped byte is refused") {
    const Bytes state = prioritized_state();
    for (std::size_t at = 0; at < state.size(); at += 3) {
      Bytes damaged = state;
      damaged[at] ^= std::byte{0x40};
      check_refused(damaged);
    }
  }

  TEST_CASE("bytes forged behind a right checksum are refused or make a sound table") {
    const Bytes state = prioritized_state();
    RngStream random(4, RngRole::test, 0);
    int num_refused = 0;
    for (int i = 0; i < 4000; ++i) {
      Bytes forged = state;
      for (std::uint64_t edit = 0; edit <= random.below(3); ++edit) {
        forged[random.below(forged.size() - 4)] = static_cast<std::byte>(random.below(256));
      }
      renew_checksum(forged);
      Table table(prioritized_options());
      try {
        table.load_state(forged, schema());
      } catch (const Error&) {
        ++num_refused;
        REQUIRE(table.num_items() == 0);
        continue;
      }
      use(table, random, 5);
      const TableCounters counters = table.counters();
      REQUIRE(counters.steps <= 50);
      REQUIRE(counters.inserted_items ==
              counters.items + counters.consumed_items + counters.evicted_unsampled);
    }
    CHECK(num_refused > 500);
  }

  TEST_CASE("bytes that never were a state are refused") {
    Bytes noise(4096);
    RngStream random(8, RngRole::test, 0);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random.below(256));
    check_refused(noise);
    renew_checksum(noise);
    check_refused(noise);
    check_refused({});
  }
}

}  // namespace
}  // namespace rl::replay
