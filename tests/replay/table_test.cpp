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

  TEST_CASE("keys of items that left change nothing, not even their places' new items") {
    Table table({.unit = ItemUnit::fragment,
                 .sampler = Selector::prioritized,
                 .capacity_steps = 1,
                 .priority_exponent = 1.0});
    table.insert(fragment(1, 0), kNow);
    const std::uint64_t old_key = table.sample(1, kNow)->front().key;
    table.insert(fragment(1, 1), kNow, 2.0);
    const std::vector<std::uint64_t> keys = {old_key, 12345678901234567ULL};
    const std::vector<double> priorities = {0.0, 7.0};
    table.update_priorities(keys, priorities);
    table.update_priorities({}, {});
    const auto items = table.sample(1, kNow);
    REQUIRE(items);
    CHECK(items->front().fragment->header().sequence == 1);
    CHECK(items->front().key != old_key);
  }

  TEST_CASE("without a priority an item gets the highest seen so far") {
    Table table({.unit = ItemUnit::fragment,
                 .sampler = Selector::prioritized,
                 .priority_exponent = 1.0});
    table.insert(fragment(1, 0), kNow);
    table.insert(fragment(1, 1), kNow, 4.0);
    table.insert(fragment(1, 2), kNow);
    const auto items = table.sample(300, kNow);
    for (const Item& item : *items) {
      const double priority = item.fragment->header().sequence == 0 ? 1.0 : 4.0;
      REQUIRE(item.probability == doctest::Approx(priority / 9.0));
    }
    CHECK(items->size() == 300);
  }

  TEST_CASE("a sample of nothing is empty") {
    Table table({});
    table.insert(fragment(1), kNow);
    const auto items = table.sample(0, kNow);
    REQUIRE(items);
    CHECK(items->empty());
  }

  TEST_CASE("inserts and samples wait for the limiter until their deadline") {
    Table table({.limiter = {.min_size = 4, .min_difference = 0.0, .max_difference = 6.0}});
    CHECK(table.insert(fragment(3), kNow));
    CHECK_FALSE(table.sample(1, kNow));
    CHECK(table.insert(fragment(3), kNow));
    CHECK_FALSE(table.insert(fragment(1), kNow));
    CHECK(table.num_items() == 6);
    CHECK(table.sample(1, kNow));
    CHECK(table.insert(fragment(1), kNow));
    CHECK(table.sample(6, kNow));
    CHECK_FALSE(table.sample(1, milliseconds(1)));
  }

  TEST_CASE("a waiting sample wakes with the insert it waits for") {
    Table table(queue_options());
    std::optional<std::vector<Item>> items;
    std::thread learner([&] { items = table.sample(2, kPatient); });
    table.insert(fragment(1, 0), kNow);
    table.insert(fragment(1, 1), kNow);
    learner.join();
    REQUIRE(items);
    CHECK((*items)[1].fragment->header().sequence == 1);
  }

  TEST_CASE("a waiting insert wakes with the sample it waits for") {
    TableOptions options = queue_options();
    options.limiter = {.min_difference = 0.0, .max_difference = 1.0};
    Table table(options);
    REQUIRE(table.insert(fragment(1, 0), kNow));
    bool inserted = false;
    std::thread producer([&] { inserted = table.insert(fragment(1, 1), kPatient); });
    CHECK(table.sample(1, kPatient));
    producer.join();
    CHECK(inserted);
    CHECK(table.num_items() == 1);
  }

  TEST_CASE("close wakes every waiter, refuses inserts and lets the rest be drawn") {
    TableOptions options = queue_options();
    options.limiter = {.min_difference = 0.0, .max_difference = 2.0};
    Table table(options);
    table.insert(fragment(1, 0), kNow);
    table.insert(fragment(1, 1), kNow);
    bool inserted = true;
    std::optional<std::vector<Item>> items = std::vector<Item>{};
    Table empty(queue_options());
    std::thread producer([&] { inserted = table.insert(fragment(1, 2), kPatient); });
    std::thread learner([&] { items = empty.sample(1, kPatient); });
    table.close();
    empty.close();
    producer.join();
    learner.join();
    CHECK_FALSE(inserted);
    CHECK_FALSE(items);
    CHECK_FALSE(table.insert(fragment(1, 3), kPatient));
    CHECK(table.sample(2, kPatient));
    CHECK_FALSE(table.sample(1, kPatient));
  }

  TEST_CASE("the longest deadline does not overflow") {
    Table table({});
    CHECK(table.insert(fragment(1), milliseconds::max()));
    CHECK(table.sample(1, milliseconds::max()));
  }

  TEST_CASE("what can never be inserted or sampled is refused and changes nothing") {
    Table table({.capacity_steps = 5, .limiter = {.min_difference = 0.0, .max_difference = 8.0}});
    CHECK_THROWS_WITH_AS(table.insert(nullptr, kNow), doctest::Contains("no steps"), Error);
    CHECK_THROWS_WITH_AS(table.insert(fragment(0), kNow), doctest::Contains("no steps"), Error);
    CHECK_THROWS_WITH_AS(table.insert(fragment(6), kNow), doctest::Contains("capacity_steps"),
                         Error);
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    for (const double priority : {-1.0, kInfinity, kNan}) {
      CHECK_THROWS_WITH_AS(table.insert(fragment(1), kNow, priority),
                           doctest::Contains("priority"), Error);
    }
    CHECK_THROWS_WITH_AS(table.sample(9, kNow), doctest::Contains("max_difference"), Error);
    CHECK(table.num_items() == 0);
    CHECK(table.counters().inserted_items == 0);
  }

  TEST_CASE("fragments of another schema are refused") {
    Table table({});
    table.insert(fragment(1), kNow);
    const auto other = std::make_shared<const FragmentSchema>(
        std::vector<ColumnSpec>{{{.name = "reward"}, false}});
    CHECK_THROWS_WITH_AS(table.insert(std::make_shared<const Fragment>(other, 1), kNow),
                         doctest::Contains("schema"), Error);
    CHECK(table.num_items() == 1);
  }

  TEST_CASE("a bad priority update is refused whole") {
    Table table({.sampler = Selector::prioritized, .priority_exponent = 1.0});
    table.insert(fragment(2), kNow);
    const auto key = table.sample(1, kNow)->front().key;
    const std::vector<std::uint64_t> keys = {key, key};
    const std::vector<double> bad = {5.0, std::numeric_limits<double>::quiet_NaN()};
    CHECK_THROWS_WITH_AS(table.update_priorities(keys, bad), doctest::Contains("priority"), Error);
    CHECK_THROWS_WITH_AS(table.update_priorities(keys, std::span(bad).first(1)),
                         doctest::Contains("2 priorities"), Error);
    CHECK(table.sample(1, kNow)->front().probability == 0.5);
  }

  TEST_CASE("wrong options are refused by name") {
    const auto refused = [](const TableOptions& options, const char* field) {
      CHECK_THROWS_WITH_AS(Table{options}, doctest::Contains(field), Error);
    };
    refused({.capacity_steps = 0}, "capacity_steps");
    refused({.capacity_steps = std::size_t{1} << 33}, "capacity_steps");
    refused({.priority_exponent = -0.1}, "priority_exponent");
    refused({.priority_exponent = std::numeric_limits<double>::quiet_NaN()}, "priority_exponent");
    refused({.capacity_steps = 10, .limiter = {.min_size = 11}}, "min_size");
    refused({.limiter = {.min_size = 0}}, "min_size");
    refused({.sampler = static_cast<Selector>(7)}, "selector");
    refused({.unit = static_cast<ItemUnit>(7)}, "unit");
  }
}

}  // namespace
}  // namespace rl::replay
