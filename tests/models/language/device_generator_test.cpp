// The generator over LibTorch's operations, on the CPU, beside the one over the kernels.
#include "rl/models/device_generator.h"

#include <cmath>

#include "models/language/tiny_models.h"
#include "rl/core/error.h"
#include "support/torch_doctest.h"
#include "tests/language/scripted_model.h"
#include "tests/language/small_requests.h"

using namespace rl;
using namespace rl::language;
using namespace rl::testing;

namespace {

using Make = std::unique_ptr<TextGenerator> (*)(const ModelConfig&, const ModelWeights&,
                                                const GeneratorOptions&);

std::unique_ptr<TextGenerator> on_device(const ModelConfig& config, const ModelWeights& weights,
                                         const GeneratorOptions& options) {
  return make_device_generator(config, weights, 1, options, at::kCPU);
}
std::unique_ptr<TextGenerator> on_kernels(const ModelConfig& config, const ModelWeights& weights,
                                          const GeneratorOptions& options) {
  return make_cpu_generator(config, weights, 1, options);
}

// The last one greedy.
std::vector<GenerationRequest> requests(const ModelConfig& config) {
  std::vector<GenerationRequest> result = small_requests(config.vocabulary);
  result.back().sampling = {.temperature = 0.0F};
  return result;
}

Stories generated(Make make, const ModelConfig& config, const ModelWeights& weights,
                  const GeneratorOptions& options) {
  const auto generator = make(config, weights, options);
  for (const GenerationRequest& request : requests(config)) generator->submit(request);
  return run_to_end(*generator);
}

// The same tokens, their log-probs up to `most`.
void check_alike(const Stories& expected, const Stories& stories, float most) {
  REQUIRE(expected.size() == stories.size());
  for (const auto& [name, story] : stories) {
    const Story& other = expected.at(name);
    REQUIRE(story.tokens == other.tokens);
    CHECK(story.reason == other.reason);
    for (std::size_t t = 0; t < story.tokens.size(); ++t) {
      REQUIRE(std::abs(story.log_probs[t] - other.log_probs[t]) < most);
      REQUIRE(std::abs(story.policy_log_probs[t] - other.policy_log_probs[t]) < most);
    }
  }
}

}  // namespace

TEST_SUITE("make_device_generator") {
  TEST_CASE("it samples what the kernels sample, for every family") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const ModelWeights weights = lively_weights(config, 3);
      const GeneratorOptions options{.threads = 1};
      check_alike(generated(on_kernels, config, weights, options),
                  generated(on_device, config, weights, options), 1e-4F);
    }
  }

  TEST_CASE("page size, prompts in parts, batches and a full cache change nothing but rounding") {
    const ModelConfig config = tiny_llama();
    const ModelWeights weights = lively_weights(config, 4);
    const Stories expected = generated(on_kernels, config, weights, {.threads = 1});
    for (const GeneratorOptions& options :
         {GeneratorOptions{.page_size = 1, .threads = 1},
          GeneratorOptions{.page_size = 64, .threads = 2},
          GeneratorOptions{.prefill_tokens = 7, .threads = 1},
          GeneratorOptions{.max_sequences = 1, .threads = 1},
          GeneratorOptions{.page_size = 4, .cache_pages = 17, .threads = 1}}) {
      CAPTURE(options.page_size);
      CAPTURE(options.prefill_tokens);
      check_alike(expected, generated(on_device, config, weights, options), 1e-4F);
    }
  }

  TEST_CASE("matrices of bf16 are multiplied as such") {
    const ModelConfig config = tiny_llama();
    const ModelWeights weights = lively_weights(config, 5).as(DType::bf16);
    const GeneratorOptions options{.threads = 1};
    const Stories expected = generated(on_kernels, config, weights, options);
    std::size_t compared = 0;
    double difference = 0.0;
    for (const auto& [name, story] : generated(on_device, config, weights, options)) {
      const Story& other = expected.at(name);
      for (std::size_t t = 0; t < story.tokens.size() && story.tokens[t] == other.tokens[t]; ++t) {
        ++compared;
        difference += std::abs(story.policy_log_probs[t] - other.policy_log_probs[t]);
      }
    }
    REQUIRE(compared > 50);
    CHECK(difference / static_cast<double>(compared) < 0.05);
    CHECK(difference > 0.0);
  }

  TEST_CASE("new weights take effect with the next step, and sequences keep their cache") {
    const ModelConfig config = tiny_llama();
    Stories stories[2];
    for (const Make make : {on_kernels, on_device}) {
      Stories& result = stories[make == on_device];
      const auto generator = make(config, lively_weights(config, 6), {.threads = 1});
      for (const GenerationRequest& request : requests(config)) generator->submit(request);
      for (int step = 0; step < 4; ++step) collect(generator->step(), result);
      generator->set_weights(lively_weights(config, 7), 2);
      const std::vector<GeneratedToken> next = generator->step();
      CHECK(next.front().weight_version == 2);
      collect(next, result);
      while (!generator->idle()) collect(generator->step(), result);
    }
    check_alike(stories[0], stories[1], 1e-4F);
  }

  TEST_CASE("weights of another model are refused and the old ones stay") {
    const ModelConfig config = tiny_llama();
    ModelConfig other = config;
    other.hidden = 28;
    const ModelWeights weights = lively_weights(config, 8);
    CHECK_THROWS_AS(on_device(config, lively_weights(other, 8), {.threads = 1}), Error);
    const auto generator = on_device(config, weights, {.threads = 1});
    for (const GenerationRequest& request : requests(config)) generator->submit(request);
    CHECK_THROWS_AS(generator->set_weights(lively_weights(other, 8), 2), Error);
    check_alike(generated(on_kernels, config, weights, {.threads = 1}), run_to_end(*generator),
                1e-4F);
  }

  TEST_CASE("a model that scores instead of speaking is refused") {
    ModelConfig config = tiny_llama();
    config.tied_head = false;
    config.scalar_head = true;
    CHECK_THROWS_AS(on_device(config, language::random_weights(config, 1), {.threads = 1}), Error);
  }
}
