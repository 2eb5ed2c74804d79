#include "rl/replay/table.h"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <set>
#include <thread>

#include "replay/replay_fragments.h"
#include "rl/core/error.h"

namespace rl::replay {
namespace {

using test::fragment;
using std::chrono::milliseconds;

constexpr milliseconds kNow{0};
constexpr milliseconds kPatient = std::chrono::hours(1);

bool balanced(const TableCounters& counters) {
  return counters.inserted_items ==
         counters.items + counters.consumed_items + counters.evicted_unsampled;
}

TableOptions queue_options() {
  return {.unit = ItemUnit::fragment, .sampler = Selector::fifo, .max_times_sampled = 1};
}

TEST_SUITE("Table") {
  TEST_CASE("a fragment of T steps becomes T items in one insert") {
    Table table({});
    REQUIRE(table.insert(fragment(5), kNow));
    CHECK(table.num_items() == 5);
    CHECK(table.num_steps() == 5);
    std::set<std::uint32_t> steps;
    const auto items = table.sample(200, kNow);
    REQUIRE(items);
    for (const Item& item : *items) {
      steps.insert(item.step);
      CHECK(item.probability == doctest::Approx(0.2));
    }
    CHECK(steps == std::set<std::uint32_t>{0, 1, 2, 3, 4});
  }

  TEST_CASE("a whole fragment is one item that counts its steps against the capacity") {
    Table table({.unit = ItemUnit::fragment, .capacity_steps = 10});
    for (std::uint64_t number = 0; number < 3; ++number) table.insert(fragment(4, number), kNow);
    CHECK(table.num_items() == 2);
    CHECK(table.num_steps() == 8);
  }

  TEST_CASE("fifo sampled once hands every fragment out exactly once and in order") {
    Table table(queue_options());
    for (std::uint64_t number = 0; number < 6; ++number) table.insert(fragment(3, number), kNow);
    std::vector<std::uint64_t> order;
    while (const auto items = table.sample(2, kNow)) {
      for (const Item& item : *items) order.push_back(item.fragment->header().sequence);
    }
    CHECK(order == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5});
    CHECK(table.num_items() == 0);
    CHECK(table.counters().consumed_items == 6);
    CHECK(balanced(table.counters()));
  }

  TEST_CASE("lifo draws the newest first, without replacement") {
    Table table({.unit = ItemUnit::fragment, .sampler = Selector::lifo});
    for (std::uint64_t number = 0; number < 4; ++number) table.insert(fragment(1, number), kNow);
    const auto items = table.sample(3, kNow);
    REQUIRE(items);
    CHECK((*items)[0].fragment->header().sequence == 3);
    CHECK((*items)[1].fragment->header().sequence == 2);
    CHECK((*items)[2].fragment->header().sequence == 1);
    CHECK_FALSE(table.sample(5, kNow));
  }

  TEST_CASE("the remover makes room and what it takes unsampled is counted") {
    Table table({.capacity_steps = 6});
    for (std::uint64_t number = 0; number < 4; ++number) table.insert(fragment(4, number), kNow);
    const TableCounters counters = table.counters();
    CHECK(counters.items == 6);
    CHECK(counters.inserted_steps == 16);
    CHECK(counters.evicted_unsampled == 10);
    CHECK(balanced(counters));
  }

  TEST_CASE("an item leaves after max_times_sampled draws, in the middle of a batch if need be") {
    Table table({.unit = ItemUnit::fragment, .max_times_sampled = 2});
    for (std::uint64_t number = 0; number < 5; ++number) table.insert(fragment(1, number), kNow);
    const auto items = table.sample(10, kNow);
    REQUIRE(items);
    std::map<std::uint64_t, int> draws;
    for (const Item& item : *items) ++draws[item.fragment->header().sequence];
    for (const auto& [number, count] : draws) CHECK(count == 2);
    CHECK(draws.size() == 5);
    CHECK(table.num_items() == 0);
  }

  TEST_CASE("more draws than the items have left are refused whole") {
    Table table({.unit = ItemUnit::fragment, .max_times_sampled = 2});
    table.insert(fragment(1), kNow);
    CHECK_FALSE(table.sample(3, kNow));
    CHECK(table.counters().sampled_items == 0);
    CHECK(table.sample(1, kNow));
    CHECK_FALSE(table.sample(2, kNow));
    CHECK(table.sample(1, kNow));
  }

  TEST_CASE("a fragment is freed with its last item, not before") {
    Table table({.sampler = Selector::fifo, .max_times_sampled = 1});
    auto shared = fragment(2);
    const std::weak_ptr<const Fragment> watch = shared;
    table.insert(std::move(shared), kNow);
    CHECK(table.sample(1, kNow));
    CHECK_FALSE(watch.expired());
    auto last = table.sample(1, kNow);
    CHECK_FALSE(watch.expired());
    last.reset();
    CHECK(watch.expired());
  }

  TEST_CASE("equal seeds draw equal items, another seed draws others") {
    const auto draws = [](std::uint64_t seed) {
      Table table({.seed = seed});
      for (std::uint64_t number = 0; number < 50; ++number) table.insert(fragment(7, number), kNow);
      std::vector<std::uint64_t> keys;
      for (int i = 0; i < 20; ++i) {
        const auto items = table.sample(8, kNow);
        for (const Item& item : *items) keys.push_back(item.key);
      }
      return keys;
    };
    CHECK(draws(3) == draws(3));
    CHECK(draws(3) != draws(4));
  }
}

}  // namespace
}  // namespace rl::replay
