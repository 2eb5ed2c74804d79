// What a learner pays for a batch of 256 transitions, from a small and from a large buffer.
//
// Prints medians over many batches of CartPole-like steps (observation f32[4], action i64), stored
// as fragments of episode-like lengths: drawing them, gathering them into contiguous arrays
// (observation, action, reward, next observation, discount), and writing new priorities back.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "rl/core/rng.h"
#include "rl/replay/batch.h"
#include "rl/replay/table.h"

namespace {

using namespace rl;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchSize = 256;
constexpr std::size_t kNumBatches = 4000;
constexpr std::size_t kWarmUpBatches = 500;

std::shared_ptr<const FragmentSchema> cart_pole_schema() {
  return std::make_shared<const FragmentSchema>(make_schema(
      {.name = "CartPole-like",
       .observations = {{.name = "state", .shape = {4}}},
       .actions = {{.name = "push", .dtype = DType::i64, .low = {0}, .high = {1}}}}));
}

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// Fills the table to its capacity and then replaces a tenth; returns the second part's cost.
double fill(replay::Table& table, std::size_t num_items) {
  const auto schema = cart_pole_schema();
  RngStream random(1, RngRole::test, 0);
  std::size_t inserted = 0;
  Clock::time_point full;
  while (inserted < num_items + num_items / 10) {
    if (inserted < num_items) full = Clock::now();
    Fragment fragment(schema, 32 + random.below(97));
    fragment.header().end = FragmentEnd::terminated;
    inserted += fragment.num_steps();
    table.insert(std::make_shared<const Fragment>(std::move(fragment)),
                 std::chrono::milliseconds(0));
  }
  return 1e3 * microseconds(Clock::now() - full) / static_cast<double>(num_items / 10);
}

void measure(replay::Selector sampler, const char* name, std::size_t num_items) {
  replay::Table table({.sampler = sampler, .capacity_steps = num_items, .seed = 1});
  const double insert_ns = fill(table, num_items);
  RngStream random(2, RngRole::test, 0);
  std::vector<double> draw_us;
  std::vector<double> gather_us;
  std::vector<double> update_us;
  std::vector<double> all_us;
  std::vector<std::uint64_t> keys(kBatchSize);
  std::vector<double> priorities(kBatchSize);
  for (std::size_t i = 0; i < kWarmUpBatches + kNumBatches; ++i) {
    const auto start = Clock::now();
    const auto items = table.sample(kBatchSize, std::chrono::milliseconds(0));
    const auto drawn = Clock::now();
    const auto batch = replay::gather_transitions(*items, 1, 0.99);
    const auto gathered = Clock::now();
    for (std::size_t b = 0; b < kBatchSize; ++b) {
      keys[b] = (*items)[b].key;
      priorities[b] = random.uniform();
    }
    const auto ready = Clock::now();
    if (sampler == replay::Selector::prioritized) table.update_priorities(keys, priorities);
    const auto end = Clock::now();
    if (i < kWarmUpBatches) continue;
    draw_us.push_back(microseconds(drawn - start));
    gather_us.push_back(microseconds(gathered - drawn));
    update_us.push_back(microseconds(end - ready));
    all_us.push_back(draw_us.back() + gather_us.back() + update_us.back());
  }
  std::printf("%-12s %9zu %9.1f %9.1f %9.1f %9.1f %14.0f\n", name, num_items, median(draw_us),
              median(gather_us), median(update_us), median(all_us), insert_ns);
}

}  // namespace

int main() {
  std::thread([] {}).join();  // from now on reference counts are atomic, as in a real learner
  std::printf("batches of %zu transitions: median microseconds of %zu batches\n", kBatchSize,
              kNumBatches);
  std::printf("%-12s %9s %9s %9s %9s %9s %14s\n", "sampler", "items", "draw", "gather", "update",
              "all", "replace ns/step");
  for (const std::size_t num_items : {std::size_t{1000000}, std::size_t{10000000}}) {
    measure(replay::Selector::uniform, "uniform", num_items);
    measure(replay::Selector::prioritized, "prioritized", num_items);
  }
  return EXIT_SUCCESS;
}
