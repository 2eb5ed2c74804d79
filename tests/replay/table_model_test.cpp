// Random operations against the naive table, for every pair of selectors.
#include <doctest/doctest.h>

#include "replay/naive_table.h"
#include "replay/replay_fragments.h"
#include "rl/replay/table.h"

namespace rl::replay {
namespace {

using test::NaiveTable;
using test::Place;

constexpr std::chrono::milliseconds kNow{0};
constexpr Selector kSelectors[] = {Selector::uniform, Selector::fifo, Selector::lifo,
                                   Selector::prioritized};

class Comparison {
 public:
  explicit Comparison(const TableOptions& options)
      : table_(options), naive_(options), random_(options.seed, RngRole::test, 0) {}

  void run(int num_operations) {
    for (int i = 0; i < num_operations; ++i) {
      switch (random_.below(4)) {
        case 0: insert(); break;
        case 1: update(); break;
        default: sample(); break;
      }
      compare_counts();
    }
  }

 private:
  double random_priority() { return random_.below(5) == 0 ? 0.0 : random_.uniform(0.0, 4.0); }

  void insert() {
    const std::size_t num_steps = 1 + random_.below(6);
    std::optional<double> priority;
    if (random_.below(2) == 0) priority = random_priority();
    REQUIRE(table_.insert(test::fragment(num_steps, ++num_fragments_), kNow, priority));
    naive_.insert(num_fragments_, num_steps, priority);
  }

  void sample() {
    const std::size_t count = 1 + random_.below(5);
    const auto items = table_.sample(count, kNow);
    REQUIRE(items.has_value() == naive_.can_sample(count));
    if (!items) return;
    const auto expected = naive_.sample(count);
    for (std::size_t i = 0; i < count; ++i) {
      const Item& item = (*items)[i];
      const Place place = {item.fragment->header().sequence, item.step};
      REQUIRE(place == expected[i].first);
      REQUIRE(item.probability == doctest::Approx(expected[i].second).epsilon(1e-9));
      seen_.push_back({item.key, place});
    }
  }

  // Keys from the whole past: most of their items left long ago.
  void update() {
    std::vector<std::uint64_t> keys;
    std::vector<double> priorities;
    for (int i = 0; i < 6 && !seen_.empty(); ++i) {
      const auto& [key, place] = seen_[random_.below(seen_.size())];
      keys.push_back(key);
      priorities.push_back(random_priority());
      naive_.update(place, priorities.back());
    }
    table_.update_priorities(keys, priorities);
  }

  void compare_counts() {
    const TableCounters counters = table_.counters();
    REQUIRE(counters.items == naive_.num_items());
    REQUIRE(counters.steps == naive_.num_steps());
    REQUIRE(counters.consumed_items == naive_.num_consumed());
    REQUIRE(counters.evicted_unsampled == naive_.num_evicted_unsampled());
    REQUIRE(counters.inserted_items ==
            counters.items + counters.consumed_items + counters.evicted_unsampled);
  }

  Table table_;
  NaiveTable naive_;
  RngStream random_;
  std::uint64_t num_fragments_ = 0;
  std::vector<std::pair<std::uint64_t, Place>> seen_;
};

TEST_SUITE("Table") {
  TEST_CASE("every pair of selectors behaves like the naive table under random operations") {
    for (const Selector sampler : kSelectors) {
      for (const Selector remover : kSelectors) {
        for (const ItemUnit unit : {ItemUnit::fragment, ItemUnit::step}) {
          for (const std::uint32_t max_times_sampled : {0U, 1U, 3U}) {
            CAPTURE(static_cast<int>(sampler));
            CAPTURE(static_cast<int>(remover));
            CAPTURE(static_cast<int>(unit));
            CAPTURE(max_times_sampled);
            Comparison comparison({.unit = unit,
                                   .sampler = sampler,
                                   .remover = remover,
                                   .capacity_steps = 40,
                                   .max_times_sampled = max_times_sampled,
                                   .seed = 17});
            comparison.run(800);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace rl::replay
