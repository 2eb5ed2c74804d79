// Steps recorded as CUDA graphs, beside the same steps launched one operation at a time, on a GPU.
#include "src/models/language/cuda_step_graphs.h"

#include <ATen/ops/ones.h>

#include <cmath>

#include "models/language/hand_made_sequences.h"
#include "models/language/stand_in_graphs.h"
#include "models/language/tiny_models.h"
#include "rl/cuda/runtime.h"
#include "src/models/language/device_model.h"
#include "support/torch_doctest.h"

using namespace rl;
using namespace rl::language;
using namespace rl::testing;

namespace {

bool skipped() {
  if (!cuda::available()) {
    MESSAGE("SKIPPED: ", cuda::unavailable_reason());
    return true;
  }
  cuda::load();
  return false;
}

at::Device gpu() { return at::Device(at::kCUDA, 0); }

// CUDA's graphs, counted.
class CountedGraphs final : public lm::StepGraphs {
 public:
  explicit CountedGraphs(std::shared_ptr<GraphCounts> counts) : counts_(std::move(counts)) {
    REQUIRE(graphs_ != nullptr);
  }
  std::unique_ptr<lm::StepGraph> make() override {
    ++counts_->made;
    return graphs_->make();
  }

 private:
  std::shared_ptr<GraphCounts> counts_;
  std::unique_ptr<lm::StepGraphs> graphs_ = lm::cuda_step_graphs(gpu());
};

// The same passes with and without graphs.
struct Pair {
  Pair(const ModelConfig& config, const ModelWeights& weights)
      : plain(config, weights, gpu(), resolved({.threads = 1}, config), nullptr),
        captured(config, weights, gpu(), resolved({.threads = 1}, config),
                 std::make_unique<CountedGraphs>(counts)) {}

  void begin(std::size_t tokens) { check(expected.begin(tokens), sequences.begin(tokens)); }
  void next(const std::vector<std::size_t>& which) {
    check(expected.next(which), sequences.next(which));
  }
  void set_weights(const ModelWeights& weights) {
    plain.set_weights(weights);
    captured.set_weights(weights);
  }
  void check(const std::vector<float>& a, const std::vector<float>& b) const {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(std::abs(a[i] - b[i]) < most);
  }

  float most = 1e-3F;
  std::shared_ptr<GraphCounts> counts = std::make_shared<GraphCounts>();
  lm::DeviceModel plain, captured;
  HandMadeSequences expected{plain, 16}, sequences{captured, 16};
};

}  // namespace

TEST_SUITE("CUDA graphs") {
  TEST_CASE("replayed steps give the logits of launched ones, in every family and bucket") {
    if (skipped()) return;
    for (auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      config.context = 300;
      Pair pair(config, lively_weights(config, 3));
      for (const std::size_t tokens : {3, 40, 122, 1, 250}) pair.begin(tokens);
      for (const std::vector<std::size_t>& which : std::vector<std::vector<std::size_t>>{
               {0}, {0, 1}, {1, 2, 3}, {2}, {4, 2}, {0, 1, 2, 3, 4}}) {
        for (int step = 0; step < 4; ++step) pair.next(which);
      }
      CHECK(pair.counts->made >= 6);
    }
  }

  TEST_CASE("graphs go on with new weights, and are made anew for a cache that grew") {
    if (skipped()) return;
    const ModelConfig config = tiny_llama();
    Pair pair(config, lively_weights(config, 4));
    for (const std::size_t tokens : {3, 5}) pair.begin(tokens);
    for (int step = 0; step < 3; ++step) pair.next({0, 1});
    CHECK(pair.counts->made == 1);
    pair.set_weights(lively_weights(config, 5));
    for (int step = 0; step < 3; ++step) pair.next({0, 1});
    CHECK(pair.counts->made == 1);
    for (int prompt = 0; prompt < 16; ++prompt) pair.begin(4);
    for (int step = 0; step < 3; ++step) pair.next({0, 1});
    CHECK(pair.counts->made == 2);
  }

  TEST_CASE("a step that cannot be recorded is an error, after which others still can") {
    if (skipped()) return;
    const std::unique_ptr<lm::StepGraphs> graphs = lm::cuda_step_graphs(gpu());
    REQUIRE(graphs != nullptr);
    const at::Tensor number = at::ones({1}, at::TensorOptions().device(gpu()));
    number.mul_(1.0);
    const std::unique_ptr<lm::StepGraph> waiting = graphs->make();
    CHECK_THROWS(waiting->capture([&] { number.item<float>(); }));
    const std::unique_ptr<lm::StepGraph> doubling = graphs->make();
    doubling->capture([&] { number.mul_(2.0); });
    CHECK(number.item<float>() == 1.0F);
    doubling->replay();
    doubling->replay();
    CHECK(number.item<float>() == 4.0F);
  }

  TEST_CASE("matrices of bf16 too") {
    if (skipped()) return;
    const ModelConfig config = tiny_llama();
    Pair pair(config, lively_weights(config, 6).as(DType::bf16));
    pair.most = 0.5F;  // of logits up to 3, rounded to 8 bits on the way
    for (const std::size_t tokens : {3, 5, 9}) pair.begin(tokens);
    for (int step = 0; step < 4; ++step) pair.next({0, 1, 2});
    CHECK(pair.counts->made == 1);
  }
}
