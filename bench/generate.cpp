// Tokens per second of the CPU generator beside what the machine's memory and arithmetic allow.
//   bench_generate [FOLDER OF stories260k [--stories-only]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "bench/machine_limits.h"
#include "rl/core/rng.h"
#include "rl/language/model_files.h"
#include "rl/language/text_generator.h"
#include "rl/language/thread_team.h"
#include "src/language/sampler.h"

namespace {

using namespace rl;
using namespace rl::language;
using bench::seconds_since;

ModelConfig large_model() {
  ModelConfig config;
  config.vocabulary = 32000;
  config.hidden = 768;
  config.layers = 12;
  config.query_heads = 12;
  config.key_value_heads = 12;
  config.head_dim = 64;
  config.intermediate = 2048;
  config.context = 1024;
  return config;
}

// Small numbers of any kind: the speed does not depend on them. random_weights would take seconds.
ModelWeights cheap_weights(const ModelConfig& config) {
  auto memory = std::make_shared<std::vector<float>>(parameter_count(config));
  std::uint32_t state = 1;
  for (float& value : *memory) {
    state = state * 1664525U + 1013904223U;
    value = (static_cast<float>(state >> 8U) / 16777216.0F - 0.5F) * 0.07F;
  }
  std::vector<TensorView> tensors;
  std::size_t offset = 0;
  for (const ParameterSpec& parameter : model_parameters(config)) {
    const std::size_t count = num_elements(parameter.shape);
    const auto bytes = std::as_bytes(std::span(*memory).subspan(offset, count));
    tensors.push_back({parameter.name, DType::f32, parameter.shape, bytes});
    offset += count;
  }
  return ModelWeights(config, std::move(tensors), memory, "bench");
}

struct Rates {
  double prefill_seconds = 0.0;  // of the prompt
  double mean = 0.0;             // tokens per second over all decode steps
  double best = 0.0;             // of the fastest step
};

Rates measure(const ModelConfig& config, const ModelWeights& weights, std::size_t threads,
              std::size_t batch, std::size_t prompt, std::size_t steps, float temperature) {
  GeneratorOptions options{.threads = threads};
  options.max_sequences = batch;
  const auto generator = make_cpu_generator(config, weights, 1, options);
  GenerationRequest request;
  request.prompt.assign(prompt, 1);
  request.num_samples = batch;
  request.max_new_tokens = steps + 2;
  request.sampling.temperature = temperature;
  generator->submit(request);
  Rates rates;
  auto start = std::chrono::steady_clock::now();
  generator->step();
  rates.prefill_seconds = seconds_since(start);
  generator->step();
  double total = 0.0;
  double fastest = 1e9;
  for (std::size_t step = 0; step < steps; ++step) {
    start = std::chrono::steady_clock::now();
    generator->step();
    const double taken = seconds_since(start);
    total += taken;
    fastest = std::min(fastest, taken);
  }
  rates.mean = static_cast<double>(steps * batch) / total;
  rates.best = static_cast<double>(batch) / fastest;
  return rates;
}

struct Limits {
  double bandwidth;
  double flops;
};

Limits print_limits(std::size_t threads) {
  bench::ReadBandwidth memory(std::size_t{512} << 20);
  const double one = memory.measure(1);
  const double all = memory.measure(threads);
  const double flops_one = bench::peak_flops(1);
  const double flops_all = bench::peak_flops(threads);
  std::printf("%-34s %8.2f GB/s   %zu threads %8.2f GB/s\n", "read bandwidth, 1 thread", one / 1e9,
              threads, all / 1e9);
  std::printf("%-34s %8.2f GFLOP/s %zu threads %6.2f GFLOP/s\n", "f32 multiply-add, 1 thread",
              flops_one / 1e9, threads, flops_all / 1e9);
  return {std::max(one, all), flops_all};
}

void print_large(DType dtype, std::size_t threads, const Limits& limits, double& batch_1) {
  const ModelConfig config = large_model();
  const ModelWeights weights = cheap_weights(config).as(dtype);
  const char* name = dtype == DType::f32 ? "f32" : "bf16";
  // The rows of the embedding are looked up, everything else is read for every step.
  const std::size_t read = parameter_count(config) - config.vocabulary * config.hidden;
  const double bytes = static_cast<double>(read) * (dtype == DType::f32 ? 4.0 : 2.0);
  for (const std::size_t batch : {1UL, 16UL}) {
    const Rates rates = measure(config, weights, threads, batch, 16, batch == 1 ? 24 : 8, 1.0F);
    const double by_memory = limits.bandwidth / bytes * static_cast<double>(batch);
    const double by_arithmetic = limits.flops / (2.0 * static_cast<double>(read));
    const double roof = by_arithmetic > 0.0 ? std::min(by_memory, by_arithmetic) : by_memory;
    std::printf("%-5s batch %-3zu %9.1f tokens/s (best step %7.1f)  roof %7.1f  %4.0f %% of it\n",
                name, batch, rates.mean, rates.best, roof, 100.0 * rates.best / roof);
    if (batch == 1) {
      batch_1 = rates.best;
    } else {
      std::printf("%-5s batch 16 / batch 1: %.2f\n", name, rates.best / batch_1);
    }
  }
  const Rates rates = measure(config, weights, threads, 1, 256, 1, 1.0F);
  const double flops = 2.0 * static_cast<double>(read) * 256.0 / rates.prefill_seconds;
  std::printf("%-5s prefill   %9.1f tokens/s   %.1f GFLOP/s, %.0f %% of the peak\n", name,
              256.0 / rates.prefill_seconds, flops / 1e9, 100.0 * flops / limits.flops);
}

void print_sampler() {
  constexpr std::size_t kVocabulary = 151936;
  RngStream stream(1, RngRole::test, 0);
  std::vector<float> logits(kVocabulary);
  for (float& logit : logits) logit = 3.0F * static_cast<float>(stream.normal());
  struct Row {
    const char* name;
    SamplingOptions options;
  };
  ThreadTeam team(1);
  const Ops ops(team);
  for (const Row& row : {Row{"greedy", {.temperature = 0.0F}}, Row{"temperature", {}},
                         Row{"top-k 50", {.top_k = 50}}, Row{"top-p 0.9", {.top_p = 0.9F}},
                         Row{"top-k 50, top-p 0.9, min-p 0.05",
                             {.top_k = 50, .top_p = 0.9F, .min_p = 0.05F}}}) {
    Sampler sampler;
    RngStream draws(1, RngRole::test, 1);
    double fastest = 1e9;
    double scoring = 1e9;
    for (int repetition = 0; repetition < 50; ++repetition) {
      auto start = std::chrono::steady_clock::now();
      TokenScore score;
      const std::int32_t token = 0;
      ops.score(logits.data(), 1, kVocabulary, 1.0F, &token, &score);
      scoring = std::min(scoring, seconds_since(start));
      start = std::chrono::steady_clock::now();
      if (sampler.load(logits, row.options, score)) sampler.draw(draws);
      fastest = std::min(fastest, seconds_since(start));
    }
    std::printf("sample of 151,936: %-32s %6.0f us (and %.0f us for its score)\n", row.name,
                fastest * 1e6, scoring * 1e6);
  }
}

void print_stories(const std::filesystem::path& folder, std::size_t threads) {
  if (!std::filesystem::exists(folder)) {
    std::printf("stories260k: skipped, there is no %s\n", folder.c_str());
    return;
  }
  const ModelFolder model = load_model(folder);
  for (const std::size_t team : {1UL, threads}) {
    for (const std::size_t batch : {1UL, 16UL}) {
      const Rates rates = measure(model.config, model.weights, team, batch, 5, 96, 0.0F);
      std::printf("stories260k, %zu threads, batch %-3zu %9.0f tokens/s (best step %.0f)\n", team,
                  batch, rates.mean, rates.best);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t threads = default_team_size();
  const char* stories = argc > 1 ? argv[1] : "../shared/data/stories260k";
  if (argc > 2 && std::strcmp(argv[2], "--stories-only") == 0) {
    print_stories(stories, threads);
    return 0;
  }
  const Limits limits = print_limits(threads);
  const ModelConfig config = large_model();
  std::printf("%.0fM parameters, %zu layers of %zu, vocabulary %zu\n",
              static_cast<double>(parameter_count(config)) / 1e6, config.layers, config.hidden,
              config.vocabulary);
  double f32 = 0.0;
  double bf16 = 0.0;
  print_large(DType::f32, threads, limits, f32);
  print_large(DType::bf16, threads, limits, bf16);
  std::printf("bf16 / f32 at batch 1: %.2f\n", bf16 / f32);
  print_sampler();
  print_stories(stories, threads);
  return 0;
}
