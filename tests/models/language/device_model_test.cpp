// The device model with steps recorded as graphs, beside itself without and beside the kernels. The
// graphs are stand-ins: what is theirs alone is tested where a GPU is (cuda_graphs_test.cpp).
#include "src/models/language/device_model.h"

#include <cmath>

#include "models/language/hand_made_sequences.h"
#include "models/language/stand_in_graphs.h"
#include "models/language/tiny_models.h"
#include "support/torch_doctest.h"
#include "tests/language/scripted_model.h"
#include "tests/language/small_requests.h"

using namespace rl;
using namespace rl::language;
using namespace rl::testing;

namespace {

struct Graphs {
  std::shared_ptr<GraphCounts> counts = std::make_shared<GraphCounts>();
  std::unique_ptr<lm::StepGraphs> operator()() const {
    return std::make_unique<StandInGraphs>(counts);
  }
};

lm::DeviceModel model_of(const ModelConfig& config, const ModelWeights& weights,
                         std::unique_ptr<lm::StepGraphs> graphs) {
  return lm::DeviceModel(config, weights, at::kCPU, resolved({.threads = 1}, config),
                         std::move(graphs));
}

// The same sequences through the model without graphs and through the one with them.
struct Beside {
  Graphs graphs;
  lm::DeviceModel plain, captured;
  HandMadeSequences expected, sequences;

  Beside(const ModelConfig& config, const ModelWeights& weights, std::size_t page_size)
      : plain(model_of(config, weights, nullptr)),
        captured(model_of(config, weights, graphs())),
        expected(plain, page_size),
        sequences(captured, page_size) {}
};

ModelConfig with_context(std::size_t positions) {
  ModelConfig config = tiny_llama();
  config.context = positions;
  return config;
}

void check_close(const std::vector<float>& expected, const std::vector<float>& logits) {
  REQUIRE(expected.size() == logits.size());
  float difference = 0.0F;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    REQUIRE(std::isfinite(logits[i]));
    difference = std::max(difference, std::abs(expected[i] - logits[i]));
  }
  CHECK(difference < 1e-4F);
}

double mean_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

Stories run(std::unique_ptr<TextGenerator> generator, std::size_t vocabulary) {
  for (const GenerationRequest& request : small_requests(vocabulary)) generator->submit(request);
  return run_to_end(*generator);
}

}  // namespace

TEST_SUITE("device model with graphs") {
  TEST_CASE("it samples what the kernels sample, for every family and page size") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const ModelWeights weights = lively_weights(config, 3);
      for (const std::size_t page_size : {1, 5, 16, 64}) {
        CAPTURE(page_size);
        const GeneratorOptions options =
            resolved({.page_size = page_size, .threads = 1}, config);
        const Graphs graphs;
        const Stories expected =
            run(make_cpu_generator(config, weights, 1, options), config.vocabulary);
        const Stories stories = run(
            make_generator(std::make_unique<lm::DeviceModel>(config, weights, at::kCPU, options,
                                                             graphs()),
                           1, options),
            config.vocabulary);
        CHECK(graphs.counts->replays > 8);
        REQUIRE(stories.size() == expected.size());
        for (const auto& [id, story] : stories) {
          REQUIRE(story.tokens == expected.at(id).tokens);
          for (std::size_t t = 0; t < story.tokens.size(); ++t) {
            REQUIRE(std::abs(story.log_probs[t] - expected.at(id).log_probs[t]) < 1e-4F);
          }
        }
      }
    }
  }

  TEST_CASE("batches and lengths are filled up to their bucket, which changes nothing") {
    const ModelConfig config = with_context(300);
    const ModelWeights weights = lively_weights(config, 4);
    Beside beside(config, weights, 16);
    auto& [graphs, plain, captured, expected, sequences] = beside;
    for (const std::size_t tokens : {3, 40, 126, 1, 254, 17}) {
      check_close(expected.begin(tokens), sequences.begin(tokens));
    }
    CHECK(graphs.counts->made == 0);
    // The last of them pass from one length to the next, at 128 and 256.
    for (const std::vector<std::size_t>& which :
         std::vector<std::vector<std::size_t>>{{0}, {0, 1}, {1, 3, 5}, {0, 1, 3, 5}, {5, 3, 1, 0},
                                               {2}, {2, 0}, {2}, {2, 0}, {4}, {4}, {4}, {4, 2},
                                               {0, 1, 2, 3, 4}, {5, 4, 3, 2, 1, 0}}) {
      check_close(expected.next(which), sequences.next(which));
    }
    for (int step = 0; step < 5; ++step) check_close(expected.next(), sequences.next());
    CHECK(graphs.counts->replays > 8);
  }

  TEST_CASE("prompts, and batches with one, are ordinary passes") {
    const ModelConfig config = with_context(64);
    const Graphs graphs;
    lm::DeviceModel model = model_of(config, lively_weights(config, 5), graphs());
    HandMadeSequences sequences(model, 8);
    for (int prompt = 0; prompt < 4; ++prompt) sequences.begin(7);
    CHECK(graphs.counts->made == 0);
    for (int step = 0; step < 3; ++step) sequences.next();
    CHECK(graphs.counts->made == 1);
    CHECK(graphs.counts->replays == 2);
  }

  TEST_CASE("graphs end with the cache they were made for, and the next ones are made at once") {
    const ModelConfig config = with_context(200);
    const ModelWeights weights = lively_weights(config, 6);
    Beside beside(config, weights, 4);
    auto& [graphs, plain, captured, expected, sequences] = beside;
    for (const std::size_t tokens : {20, 40}) {  // all of the first 16 pages but one
      check_close(expected.begin(tokens), sequences.begin(tokens));
    }
    check_close(expected.next(), sequences.next());
    CHECK(graphs.counts->alive == 0);
    int made = 0;
    for (int step = 0; step < 40; ++step) {
      check_close(expected.next(), sequences.next());
      made = graphs.counts->made;
      CHECK(graphs.counts->alive == 1);
    }
    CHECK(made == 2);
  }

  TEST_CASE("graphs outlive new weights of the same types, and go on with those") {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const ModelConfig config = with_context(64);
      Beside beside(config, lively_weights(config, 7).as(dtype), 8);
      auto& [graphs, plain, captured, expected, sequences] = beside;
      for (const std::size_t tokens : {5, 9}) {
        CHECK(expected.begin(tokens) == sequences.begin(tokens));
      }
      const double most = dtype == DType::f32 ? 1e-5 : 0.02;
      for (int step = 0; step < 3; ++step) {
        CHECK(mean_difference(expected.next(), sequences.next()) < most);
      }
      plain.set_weights(lively_weights(config, 8).as(dtype));
      CHECK(mean_difference(expected.next(), sequences.next()) > 0.1);
      captured.set_weights(lively_weights(config, 8).as(dtype));
      for (const std::size_t tokens : {6, 7}) {
        CHECK(expected.begin(tokens) == sequences.begin(tokens));
      }
      for (int step = 0; step < 3; ++step) {
        CHECK(mean_difference(expected.next({2, 3}), sequences.next({2, 3})) < most);
      }
      CHECK(graphs.counts->made == 1);
    }
  }

  TEST_CASE("weights of other types end the graphs, and the next is made after an ordinary pass") {
    const ModelConfig config = with_context(64);
    const ModelWeights weights = lively_weights(config, 9);
    Beside beside(config, weights, 8);
    auto& [graphs, plain, captured, expected, sequences] = beside;
    check_close(expected.begin(5), sequences.begin(5));
    for (int step = 0; step < 3; ++step) check_close(expected.next(), sequences.next());
    plain.set_weights(weights.as(DType::bf16));
    captured.set_weights(weights.as(DType::bf16));
    CHECK(graphs.counts->alive == 0);
    CHECK(mean_difference(expected.next(), sequences.next()) < 0.02);
    CHECK(graphs.counts->made == 1);
    for (int step = 0; step < 2; ++step) {
      CHECK(mean_difference(expected.next(), sequences.next()) < 0.02);
    }
    CHECK(graphs.counts->made == 2);
  }
}
