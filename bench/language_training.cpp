// Tokens per second and peak memory of training a language model on the CPU, and what the kernel
// contract costs beside LibTorch's own products.
// Run: bench_language_training <1m|1m-short|100m|vocab50k|matmul> [steps] [threads]; the peer with
// the same models and as many tokens: language_training_peer.py.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
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

#include "learner/torch_setup.h"
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

// The three products of a linear layer, by the kernels and by LibTorch.
class Products {
 public:
  Products(const rl::language::Ops& ops, std::int64_t rows, std::int64_t outputs,
           std::int64_t inner)
      : ops_(ops),
        rows_(static_cast<std::size_t>(rows)),
        outputs_(static_cast<std::size_t>(outputs)),
        inner_(static_cast<std::size_t>(inner)),
        x_(at::randn({rows, inner})),
        w_(at::randn({outputs, inner})),
        y_(at::randn({rows, outputs})),
        x_gradient_(at::zeros({rows, inner})),
        w_gradient_(at::zeros({outputs, inner})) {}

  void print() {
    std::printf("%5zu x %5zu x %4zu", rows_, outputs_, inner_);
    print_pair([&] { forward(); }, [&] { at::mm_out(y_, x_, w_.t()); });
    print_pair([&] { input_gradient(); }, [&] { x_gradient_.addmm_(y_, w_); });
    print_pair([&] { weight_gradient(); }, [&] { w_gradient_.addmm_(y_.t(), x_); });
    std::printf("\n");
  }

 private:
  void print_pair(const std::function<void()>& kernels, const std::function<void()>& plain) const {
    const double work = 2e-9 * static_cast<double>(rows_ * outputs_ * inner_);
    const double ours = time_of(kernels);
    const double theirs = time_of(plain);
    std::printf("   %6.1f %6.1f %5.2f", work / ours, work / theirs, ours / theirs);
  }
  void forward() {
    ops_.matmul({.x = x_.const_data_ptr<float>(), .x_stride = inner_, .rows = rows_,
                 .w = w_.const_data_ptr<float>(), .w_stride = inner_, .outputs = outputs_,
                 .inner = inner_, .y = y_.mutable_data_ptr<float>(), .y_stride = outputs_});
  }
  void input_gradient() {
    ops_.add_product({.a = y_.const_data_ptr<float>(), .a_row_stride = outputs_,
                      .a_step_stride = 1, .rows = rows_, .steps = outputs_,
                      .b = w_.const_data_ptr<float>(), .b_stride = inner_, .width = inner_,
                      .c = x_gradient_.mutable_data_ptr<float>(), .c_stride = inner_});
  }
  void weight_gradient() {
    ops_.add_product({.a = y_.const_data_ptr<float>(), .a_row_stride = 1,
                      .a_step_stride = outputs_, .rows = outputs_, .steps = rows_,
                      .b = x_.const_data_ptr<float>(), .b_stride = inner_, .width = inner_,
                      .c = w_gradient_.mutable_data_ptr<float>(), .c_stride = inner_});
  }

  const rl::language::Ops& ops_;
  std::size_t rows_, outputs_, inner_;
  at::Tensor x_, w_, y_, x_gradient_, w_gradient_;
};

void compare_products(std::size_t threads) {
  rl::language::ThreadTeam team(threads);
  const rl::language::Ops ops(team);
  std::printf("GFLOP/s of kernels and LibTorch, and the ratio of their times\n"
              "rows x outputs x inner   forward                by the input           by the weights\n");
  for (const auto& [rows, outputs, inner] : std::vector<std::array<std::int64_t, 3>>{
           {1024, 768, 768}, {1024, 2048, 768}, {1024, 768, 2048}, {512, 32000, 768},
           {2048, 128, 128}, {2048, 352, 128}, {2048, 128, 352}, {2048, 512, 128}}) {
    Products(ops, rows, outputs, inner).print();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "1m";
  const int steps = argc > 2 ? std::atoi(argv[2]) : 5;
  const std::size_t threads = argc > 3 ? static_cast<std::size_t>(std::atoi(argv[3])) : 2;
  rl::set_up_torch(static_cast<int>(threads));  // as a learner does
  if (name == "matmul") {
    compare_products(threads);
  } else {
    train(name, steps, threads);
  }
  return 0;
}
