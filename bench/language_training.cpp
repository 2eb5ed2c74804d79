// Tokens per second and peak memory of training a language model on the CPU, and what the kernel
// contract costs beside LibTorch's own products.
// Run: bench_language_training <1m|1m-short|100m|vocab50k|matmul> [steps] [threads]; the peer with
// the same models and as many tokens: language_training_peer.py.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <sys/resource.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/ops.h"
#include "rl/language/thread_team.h"
#include "rl/models/adam.h"
#include "rl/models/language_model.h"

namespace {

struct Workload {
  rl::language::ModelConfig config;
  std::size_t sequences = 0;
  std::int64_t length = 0;
};

Workload workload(const std::string& name) {
  rl::language::ModelConfig config;
  config.tied_head = true;
  config.context = 1024;
  if (name.starts_with("1m")) {
    config.vocabulary = 512, config.hidden = 128, config.layers = 4, config.intermediate = 352;
    config.query_heads = config.key_value_heads = 4, config.head_dim = 32;
    return {config, 16, name == "1m" ? 128 : 32};
  }
  if (name == "100m") {
    config.vocabulary = 32000, config.hidden = 768, config.layers = 12, config.intermediate = 2048;
    config.query_heads = config.key_value_heads = 12, config.head_dim = 64;
    return {config, 4, 256};
  }
  config.vocabulary = 50257, config.hidden = 256, config.layers = 4, config.intermediate = 704;
  config.query_heads = config.key_value_heads = 4, config.head_dim = 64;
  return {config, 16, 256};
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Processor time of all threads: with one thread, what a busy machine does not disturb.
double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void train(const std::string& name, int steps, std::size_t threads) {
  const Workload work = workload(name);
  rl::LanguageModel model(work.config, rl::language::random_weights(work.config, 1), at::kCPU,
                          {.threads = threads});
  rl::Adam adam(model.parameters(), {.max_gradient_norm = 1.0, .weight_decay = 0.01});
  rl::PackedTokens packed;
  packed.lengths.assign(work.sequences, work.length);
  const std::int64_t rows = static_cast<std::int64_t>(work.sequences) * work.length;
  packed.tokens = at::empty({rows}, at::kLong);
  at::Tensor targets = at::empty({rows}, at::kLong);
  rl::RngStream stream(1, rl::RngRole::test, 0);
  for (std::int64_t i = 0; i < rows; ++i) {
    packed.tokens.mutable_data_ptr<std::int64_t>()[i] =
        static_cast<std::int64_t>(stream.below(work.config.vocabulary));
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const bool last = (i + 1) % work.length == 0;
    targets.mutable_data_ptr<std::int64_t>()[i] =
        last ? -1 : packed.tokens.const_data_ptr<std::int64_t>()[i + 1];
  }
  const double scored = static_cast<double>(rows) - static_cast<double>(work.sequences);
  std::vector<double> forward, backward, update, whole, processor;
  double loss_value = 0.0;
  for (int step = 0; step <= steps; ++step) {  // the first one warms up
    const double processor_start = processor_seconds();
    const double start = seconds_now();
    model.parameters().gradients().zero_();
    const at::Tensor loss =
        model.token_log_probs(model.hidden(packed), targets).log_probs.sum() / -scored;
    const double forward_end = seconds_now();
    torch::autograd::backward({loss});
    const double backward_end = seconds_now();
    adam.step(loss, 1e-4);
    const double end = seconds_now();
    loss_value = loss.item<double>();
    if (step == 0) continue;
    forward.push_back(forward_end - start);
    backward.push_back(backward_end - forward_end);
    update.push_back(end - backward_end);
    whole.push_back(end - start);
    processor.push_back(processor_seconds() - processor_start);
  }
  std::printf("%-9s %9lld parameters %5lld tokens/step  %9.1f tokens/s  forward %.3f s  backward "
              "%.3f s  update %.3f s  processor %.3f s  peak %.0f MB  loss %.4f\n",
              name.c_str(), static_cast<long long>(model.parameters().num_parameters()),
              static_cast<long long>(rows), static_cast<double>(rows) / median(whole),
              median(forward), median(backward), median(update), median(processor),
              peak_megabytes(), loss_value);
}

double time_of(const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    const double start = seconds_now();
    work();
    times.push_back(seconds_now() - start);
  }
  return median(times);
}

// y [rows, outputs] = x [rows, inner] w^T, by the kernels and by LibTorch.
void compare_products(std::size_t threads) {
  rl::language::ThreadTeam team(threads);
  const rl::language::Ops ops(team);
  std::printf("%-24s %10s %10s %8s\n", "rows x outputs x inner", "kernels", "LibTorch", "ratio");
  for (const auto& [rows, outputs, inner] : std::vector<std::array<std::int64_t, 3>>{
           {1024, 768, 768}, {1024, 2048, 768}, {1024, 768, 2048}, {512, 32000, 768},
           {2048, 128, 128}, {2048, 352, 128}, {2048, 128, 352}, {2048, 512, 128}}) {
    const at::Tensor x = at::randn({rows, inner});
    const at::Tensor w = at::randn({outputs, inner});
    at::Tensor y = at::empty({rows, outputs});
    const double exact = time_of([&] {
      const auto width = static_cast<std::size_t>(inner);
      ops.matmul({.x = x.const_data_ptr<float>(), .x_stride = width,
                  .rows = static_cast<std::size_t>(rows), .w = w.const_data_ptr<float>(),
                  .w_stride = width, .outputs = static_cast<std::size_t>(outputs), .inner = width,
                  .y = y.mutable_data_ptr<float>(),
                  .y_stride = static_cast<std::size_t>(outputs)});
    });
    const double plain = time_of([&] { at::mm_out(y, x, w.t()); });
    const double work = 2e-9 * static_cast<double>(rows * outputs * inner);
    std::printf("%6lld x %6lld x %5lld  %5.1f GF/s %5.1f GF/s %8.2f\n",
                static_cast<long long>(rows), static_cast<long long>(outputs),
                static_cast<long long>(inner), work / exact, work / plain, exact / plain);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "1m";
  const int steps = argc > 2 ? std::atoi(argv[2]) : 5;
  const std::size_t threads = argc > 3 ? static_cast<std::size_t>(std::atoi(argv[3])) : 2;
  at::set_num_threads(static_cast<int>(threads));
  if (name == "matmul") {
    compare_products(threads);
  } else {
    train(name, steps, threads);
  }
  return 0;
}
