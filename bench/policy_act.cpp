// What a small policy costs a worker: one table row per head, form of the kernels and batch size.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "policies/policy_images.h"
#include "src/policies/mlp_policy.h"
#include "support/policy_batch.h"

namespace {

using rl::testing::PolicyBatch;

// Nanoseconds per observation, the fastest of many short repetitions: what the code costs when
// nothing else runs.
double measure(rl::Policy& policy, PolicyBatch& batch) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRepetitions = 400;
  constexpr int kObservations = 1'024;
  const auto rows = batch.rows(0, batch.size());
  const int calls = kObservations / static_cast<int>(rows.size());
  double fastest = 1e9;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto start = Clock::now();
    for (int call = 0; call < calls; ++call) policy.act(rows, rl::ActMode::sample);
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    fastest = std::min(fastest, taken.count() / (calls * static_cast<double>(rows.size())));
  }
  return fastest;
}

void print_rows(const char* head, const rl::EnvironmentSpec& spec, const rl::PolicySpec& policy) {
  const auto snapshot = rl::testing::random_image(policy, spec, 1).snapshot();
  for (const rl::MlpKernel* kernel : rl::available_mlp_kernels()) {
    rl::MlpPolicy subject(spec, policy, *kernel);
    subject.load(snapshot);
    std::printf("%-28s %-9s", head, kernel->name);
    for (const std::size_t batch_size : {1UL, 4UL, 16UL, 64UL}) {
      PolicyBatch batch(spec, batch_size, 1);
      std::printf(" %8.0f", measure(subject, batch));
    }
    std::printf("\n");
  }
}

}  // namespace

int main() {
  std::printf("act() with sampling and log-probability, hidden 64-64, ns per observation\n");
  std::printf("%-28s %-9s %8s %8s %8s %8s\n", "network and head", "form", "batch 1", "4", "16",
              "64");
  using rl::PolicyHead;
  print_rows("8-64-64-4 tanh categorical", rl::testing::discrete_spec(), {});
  print_rows("8-64-64-4 tanh, normalised", rl::testing::discrete_spec(),
             {.normalise_observations = true});
  print_rows("8-64-64-4 relu q_values", rl::testing::discrete_spec(),
             {.head = PolicyHead::q_values, .activation = rl::Activation::relu});
  print_rows("5-64-64-3 tanh gaussian", rl::testing::continuous_spec(),
             {.head = PolicyHead::gaussian});
  print_rows("5-64-64-6 tanh squashed", rl::testing::continuous_spec(),
             {.head = PolicyHead::squashed_gaussian});
}
