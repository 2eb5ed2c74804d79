// Many threads on one table; meant for a build with -fsanitize=thread as well.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "replay/replay_fragments.h"
#include "rl/replay/batch.h"
#include "rl/replay/table.h"

namespace rl::replay {
namespace {

using test::fragment;

constexpr std::chrono::milliseconds kPatient = std::chrono::hours(1);
constexpr std::uint64_t kPerProducer = 400;
constexpr std::uint64_t kNumProducers = 3;

std::vector<std::thread> start_producers(Table& table) {
  std::vector<std::thread> producers;
  for (std::uint64_t producer = 0; producer < kNumProducers; ++producer) {
    producers.emplace_back([&table, producer] {
      for (std::uint64_t i = 0; i < kPerProducer; ++i) {
        table.insert(fragment(1 + i % 5, producer * kPerProducer + i), kPatient);
      }
    });
  }
  return producers;
}

void join(std::vector<std::thread>& threads) {
  for (std::thread& thread : threads) thread.join();
}

TEST_SUITE("Table with threads") {
  TEST_CASE("a queue hands every fragment of every producer to exactly one consumer") {
    Table table({.unit = ItemUnit::fragment,
                 .sampler = Selector::fifo,
                 .capacity_steps = 1000000,
                 .max_times_sampled = 1,
                 .limiter = {.min_difference = 0.0, .max_difference = 16.0}});
    std::mutex mutex;
    std::map<std::uint64_t, int> times_seen;
    std::vector<std::thread> consumers;
    for (int i = 0; i < 2; ++i) {
      consumers.emplace_back([&] {
        while (const auto items = table.sample(4, kPatient)) {
          const std::scoped_lock lock(mutex);
          for (const Item& item : *items) ++times_seen[item.fragment->header().sequence];
        }
      });
    }
    auto producers = start_producers(table);
    join(producers);
    table.close();
    join(consumers);
    CHECK(times_seen.size() == kNumProducers * kPerProducer);
    for (const auto& [number, times] : times_seen) REQUIRE(times == 1);
    CHECK(table.num_items() == 0);
  }

  TEST_CASE("producers, samplers, updaters and savers leave a balanced ledger at close") {
    Table table({.sampler = Selector::prioritized,
                 .capacity_steps = 300,
                 .limiter = {.min_size = 20, .samples_per_insert = 4.0, .min_difference = 0.0,
                             .max_difference = 400.0},
                 .seed = 3});
    std::atomic<std::uint64_t> num_drawn = 0;
    std::vector<std::thread> learners;
    for (std::uint64_t learner = 0; learner < 2; ++learner) {
      learners.emplace_back([&, learner] {
        RngStream random(learner, RngRole::test, 0);
        while (const auto items = table.sample(16, kPatient)) {
          num_drawn += gather_transitions(*items, 3, 0.99).size;
          std::vector<std::uint64_t> keys;
          std::vector<double> priorities;
          for (const Item& item : *items) {
            keys.push_back(item.key);
            priorities.push_back(random.uniform());
          }
          table.update_priorities(keys, priorities);
        }
      });
    }
    auto producers = start_producers(table);
    const Bytes state = table.save_state();
    join(producers);
    table.close();
    join(learners);
    const TableCounters counters = table.counters();
    CHECK_FALSE(state.empty());
    CHECK(counters.inserted_steps == kNumProducers * kPerProducer * 3);
    CHECK(counters.sampled_items == num_drawn);
    CHECK(counters.steps <= 300);
    CHECK(counters.inserted_items ==
          counters.items + counters.consumed_items + counters.evicted_unsampled);
  }

  TEST_CASE("closing in the middle ends producers and consumers that still want to go on") {
    Table table({.unit = ItemUnit::fragment,
                 .sampler = Selector::fifo,
                 .max_times_sampled = 1,
                 .limiter = {.min_difference = 0.0, .max_difference = 4.0}});
    std::atomic<std::uint64_t> num_inserted = 0;
    std::vector<std::thread> producers;
    for (int i = 0; i < 2; ++i) {
      producers.emplace_back([&] {
        while (table.insert(fragment(2), kPatient)) ++num_inserted;
      });
    }
    std::uint64_t num_drawn = 0;
    while (num_drawn < 500) num_drawn += table.sample(1, kPatient)->size();
    table.close();
    join(producers);
    CHECK(table.counters().inserted_items == num_inserted);
    CHECK(table.num_items() == num_inserted - num_drawn);
  }
}

}  // namespace
}  // namespace rl::replay
