#include "rl/learner/device_generators.h"

#include <algorithm>
#include <cmath>

#include "rl/core/error.h"
#include "rl/cuda/runtime.h"
#include "tests/learner/language/examples.h"
#include "tests/support/errors.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using language::GeneratedToken;

// Greedy, of one prompt.
std::vector<GeneratedToken> sampled_by(const language::GeneratorFactory& make) {
  const language::ModelFolder model = tests::tiny_model();
  const auto generator = make(model.config, model.weights, 3, {.threads = 1});
  generator->submit({.prompt = {5, 6, 7}, .max_new_tokens = 20, .sampling = {.temperature = 0.0F}});
  std::vector<GeneratedToken> result;
  while (!generator->idle()) std::ranges::copy(generator->step(), std::back_inserter(result));
  return result;
}

void check_alike(const language::GeneratorFactory& make) {
  const std::vector<GeneratedToken> expected = sampled_by(&language::make_cpu_generator);
  const std::vector<GeneratedToken> result = sampled_by(make);
  REQUIRE(result.size() == expected.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    CHECK(result[i].token == expected[i].token);
    CHECK(std::abs(result[i].policy_log_prob - expected[i].policy_log_prob) < 1e-3F);
    CHECK(result[i].weight_version == 3);
  }
}

}  // namespace

TEST_SUITE("device_generators") {
  TEST_CASE("on the CPU they sample what the kernels sample") {
    check_alike(device_generators("cpu"));
  }

  TEST_CASE("on a GPU too, with graphs and without") {
    if (!cuda::available()) {
      MESSAGE("SKIPPED: ", cuda::unavailable_reason());
      return;
    }
    check_alike(device_generators("cuda"));
    check_alike(device_generators("cuda", {.graphs = false}));
  }

  TEST_CASE("a device that is not there is refused before anything is sampled") {
    CHECK(tests::message_of([] { device_generators("tpu"); }).find("cpu or cuda") !=
          std::string::npos);
    if (cuda::available()) return;
    CHECK(tests::message_of([] { device_generators("cuda"); }).find(cuda::unavailable_reason()) !=
          std::string::npos);
  }
}

}  // namespace rl
