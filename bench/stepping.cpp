// Steps per second of every built-in environment on one core, in the vector form: random actions,
// autoreset (next_step) and episode seeds included. "steps/s" is per second of processor time,
// which other programs on the machine do not change; "wall" is per second of the clock.
//
//   bench_stepping [environments] [seconds per row]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "rl/core/rng.h"
#include "rl/envs/registry.h"
#include "rl/envs/vector_environment.h"

namespace {

using Seconds = std::chrono::duration<double>;

// Uniform actions within the spec; masked moves are avoided. One 32-bit draw per element.
void draw_actions(const rl::EnvironmentSpec& spec, rl::VectorBatch& batch, rl::RngStream& stream) {
  const rl::TensorSpec& action = spec.actions[0];
  const std::size_t elements = action.num_elements();
  const int mask = rl::find(spec.observations, rl::kActionMaskName);
  if (!action.is_discrete()) {
    auto values = batch.actions<float>();
    for (std::size_t k = 0; k < values.size(); ++k) {
      const auto low = static_cast<float>(action.low_at(k % elements));
      const auto high = static_cast<float>(action.high_at(k % elements));
      values[k] = low + (high - low) * stream.uniform_f32();
    }
    return;
  }
  auto values = batch.actions<std::int64_t>();
  std::vector<std::uint64_t> categories;
  for (std::size_t i = 0; i < elements; ++i) {
    categories.push_back(static_cast<std::uint64_t>(action.num_categories(i)));
  }
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::uint64_t n = categories[k % elements];
    do {
      values[k] = static_cast<std::int64_t>((stream.next_u32() * n) >> 32);
    } while (mask >= 0 && batch.observations<std::uint8_t>(static_cast<std::size_t>(
                              mask))[k * n + static_cast<std::uint64_t>(values[k])] == 0);
  }
}

struct Measurement {
  double per_processor_second;
  double per_wall_second;
  double episode_length;
};

Measurement measure(const rl::EnvironmentRow& row, std::size_t environments, Seconds duration) {
  rl::VectorEnvironment vector(row.make, environments);
  rl::VectorBatch batch(vector.spec(), environments);
  rl::RngStream stream(1, rl::RngRole::test, 0);
  vector.reset(batch);
  constexpr int kStepsBetweenLooks = 1024;
  std::size_t transitions = 0;
  std::size_t ends = 0;
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor_start = std::clock();
  Seconds elapsed{};
  while (elapsed < duration) {
    for (int step = 0; step < kStepsBetweenLooks; ++step) {
      draw_actions(vector.spec(), batch, stream);
      vector.step(batch);
      for (std::size_t i = 0; i < environments; ++i) {
        transitions += 1U - batch.is_reset()[i];
        ends += batch.terminated()[i] + batch.truncated()[i];
      }
    }
    elapsed = std::chrono::steady_clock::now() - start;
  }
  const double processor =
      static_cast<double>(std::clock() - processor_start) / static_cast<double>(CLOCKS_PER_SEC);
  const auto steps = static_cast<double>(transitions);
  return {steps / processor, steps / elapsed.count(),
          steps / static_cast<double>(std::max<std::size_t>(ends, 1))};
}

}  // namespace

int main(int argc, char** argv) {
  const auto environments = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 64);
  const Seconds duration(argc > 2 ? std::atof(argv[2]) : 1.0);
  if (environments == 0 || !(duration.count() > 0.0)) {
    std::fprintf(stderr, "usage: %s [environments] [seconds per row]\n", argv[0]);
    return 2;
  }
  std::printf("%zu environments, one thread, random actions, autoreset next_step\n", environments);
  std::printf("%-30s %12s %9s %12s %14s\n", "environment", "steps/s", "ns/step", "wall",
              "steps/episode");
  for (const rl::EnvironmentRow& row : rl::builtin_environments().rows()) {
    const Measurement m = measure(row, environments, duration);
    std::printf("%-30s %12.0f %9.1f %12.0f %14.1f\n", row.name.c_str(), m.per_processor_second,
                1e9 / m.per_processor_second, m.per_wall_second, m.episode_length);
  }
}
