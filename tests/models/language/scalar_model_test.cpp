#include "rl/models/scalar_model.h"

#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/language/tiny_models.h"
#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/thread_team.h"
#include "rl/language/transformer.h"
#include "tests/language/sequence_pages.h"

using namespace rl;
using namespace rl::testing;

namespace {

// Every weight, the head too, far from its initialisation.
void make_lively(Parameters& parameters, std::uint64_t seed) {
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const at::Tensor noise = at::empty(parameters.value(i).sizes());
    fill_random(noise, seed * 1000 + i, 0.4);
    parameters.value(i).add_(noise);
  }
}

language::ModelWeights lively_scalar_weights(const language::ModelConfig& config,
                                             std::uint64_t seed) {
  ScalarModel model(config, language::random_weights(config, seed), at::kCPU, {.threads = 1});
  make_lively(model.parameters(), seed);
  return model.snapshot();
}

// What the transformer below the Torch line says, one token at a time.
std::vector<float> generated_scores(const language::ModelConfig& config,
                                    const language::ModelWeights& weights,
                                    const PackedTokens& packed) {
  language::ThreadTeam team(1);
  language::Transformer transformer(config, weights, config.context, language::Ops(team));
  std::vector<float> scores;
  const std::int64_t* next = packed.tokens.const_data_ptr<std::int64_t>();
  for (const std::int64_t length : packed.lengths) {
    const std::vector<std::int32_t> tokens(next, next + length);
    next += length;
    const language::SequencePages pages(config, tokens.size(), 16);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const language::TokenSpan span{.tokens = std::span(tokens).subspan(t, 1),
                                     .first_position = t, .cache = pages.cache()};
      const std::size_t wanted = 0;
      transformer.forward({&span, 1}, 16, {&wanted, 1}, &scores.emplace_back());
    }
  }
  return scores;
}

at::Tensor coefficients(const PackedTokens& packed) {
  const at::Tensor values = at::empty({packed.tokens.size(0)});
  fill_random(values, 77);
  return values;
}

at::Tensor loss_of(const ScalarModel& model, const PackedTokens& packed) {
  return (model.values(packed) * coefficients(packed)).sum();
}

at::Tensor gradients_of(ScalarModel& model, const PackedTokens& packed) {
  model.parameters().gradients().zero_();
  torch::autograd::backward({loss_of(model, packed)});
  return model.parameters().gradients().clone();
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

}  // namespace

TEST_SUITE("ScalarModel") {
  TEST_CASE("a value has the bits that the engine below the Torch line computes, any family") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_scalar_weights(config, 3);
      const language::ModelConfig scalar = language::with_scalar_head(config);
      const PackedTokens packed = packed_tokens({7, 1, 33, 64, 12}, config.vocabulary, 4);
      const std::vector<float> expected = generated_scores(scalar, weights, packed);
      for (const std::size_t threads : {1U, 2U, 3U}) {
        for (const bool checkpointing : {false, true}) {
          CAPTURE(threads);
          const ScalarModel model(
              scalar, weights, at::kCPU,
              {.activation_checkpointing = checkpointing, .threads = threads});
          const at::Tensor values = model.values(packed);
          REQUIRE(values.sizes() == at::IntArrayRef{117});
          CHECK(values.requires_grad());
          CHECK(std::memcmp(values.const_data_ptr(), expected.data(), values.nbytes()) == 0);
        }
      }
    }
  }

  TEST_CASE("scores are those of transformers' sequence classifiers") {
    const auto folders = std::filesystem::path(RL_TEST_DATA) / "golden/language/scalar";
    for (const char* name : {"llama", "qwen2_bf16", "qwen3", "gpt2"}) {
      for (const bool plain : {false, true}) {
        CAPTURE(name);
        const language::ModelFolder folder = language::load_model(folders / name);
        const ScalarModel model(folder.config, folder.weights, at::kCPU,
                                {.plain_operations = plain, .threads = 2});
        const auto golden =
            nlohmann::json::parse(std::ifstream(folders / name / "expected.json"));
        for (const auto& sequence : golden["sequences"]) {
          const auto ids = sequence["ids"].get<std::vector<std::int64_t>>();
          const auto expected = sequence["scores"].get<std::vector<double>>();
          const at::Tensor tokens = at::empty({static_cast<std::int64_t>(ids.size())}, at::kLong);
          std::ranges::copy(ids, tokens.mutable_data_ptr<std::int64_t>());
          const at::Tensor values = model.values({tokens, {tokens.size(0)}});
          for (std::size_t i = 0; i < ids.size(); ++i) {
            CHECK(std::abs(values.const_data_ptr<float>()[i] - expected[i]) < 1e-4);
          }
        }
      }
    }
  }

  TEST_CASE("of a language model the weights stay, and the head starts at zero and learns") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 5);
      ScalarModel model(config, weights, at::kCPU, {.threads = 1});
      CHECK(model.config().scalar_head);
      const PackedTokens packed = packed_tokens({9, 14}, config.vocabulary, 6);
      CHECK(model.values(packed).abs().max().item<double>() == 0.0);
      const language::ModelWeights snapshot = model.snapshot();
      CHECK(snapshot.find("lm_head.weight") == nullptr);
      for (const TensorView& tensor : snapshot.tensors()) {
        CAPTURE(tensor.name);
        if (tensor.name == "score.weight") continue;
        CHECK(std::ranges::equal(tensor.data, weights.require(tensor.name).data));
      }
      gradients_of(model, packed);
      const Parameters& parameters = model.parameters();
      CHECK(parameters.gradient(parameters.index("score.weight")).norm().item<double>() > 0.0);
    }
  }

  TEST_CASE("gradients are those of LibTorch's operations, and of small steps along them") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_scalar_weights(config, 21);
      const language::ModelConfig scalar = language::with_scalar_head(config);
      const PackedTokens packed = packed_tokens({12, 12, 1, 40}, config.vocabulary, 22);
      ScalarModel model(scalar, weights, at::kCPU, {.threads = 2});
      ScalarModel plain(scalar, weights, at::kCPU, {.plain_operations = true});
      const at::Tensor gradient = gradients_of(model, packed);
      gradients_of(plain, packed);
      for (std::size_t i = 0; i < model.parameters().specs().size(); ++i) {
        CAPTURE(model.parameters().specs()[i].name);
        const at::Tensor& expected = plain.parameters().gradient(i);
        CHECK((model.parameters().gradient(i) - expected).norm().item<double>() <
              1e-4 * expected.norm().item<double>() + 1e-5);
      }
      const double square = gradient.square().sum().item<double>();
      const double step = 2e-3 / std::sqrt(square);
      const at::Tensor start = model.parameters().values().clone();
      model.parameters().values().copy_(start + gradient * step);
      const double above = loss_of(model, packed).item<double>();
      model.parameters().values().copy_(start - gradient * step);
      const double below = loss_of(model, packed).item<double>();
      CHECK((above - below) / (2.0 * step) == doctest::Approx(square).epsilon(5e-3));
    }
  }

  TEST_CASE("with adapters they and the head learn, and the rest stays as it was") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_scalar_weights(config, 31);
      const language::ModelConfig scalar = language::with_scalar_head(config);
      const PackedTokens packed = packed_tokens({12, 12, 40}, config.vocabulary, 32);
      const LoraOptions lora{.rank = 4, .alpha = 8.0, .targets = {"q_proj", "up_proj"}};
      ScalarModel model(scalar, weights, at::kCPU, {.threads = 2, .lora = lora});
      ScalarModel plain(scalar, weights, at::kCPU, {.plain_operations = true, .lora = lora});
      CHECK(model.parameters().specs().size() == 2 * 2 * 2 + 1);
      CHECK(std::ranges::equal(model.snapshot().require("score.weight").data,
                               weights.require("score.weight").data));
      fill_random(model.parameters().values(), 33, 0.3);
      plain.parameters().values().copy_(model.parameters().values());
      CHECK(relative_difference(gradients_of(model, packed), gradients_of(plain, packed)) < 2e-5);
      const language::ModelWeights snapshot = model.snapshot();
      const std::vector<float> expected = generated_scores(scalar, snapshot, packed);
      CHECK(std::memcmp(model.values(packed).const_data_ptr(), expected.data(),
                        expected.size() * sizeof(float)) == 0);
      const std::string fixed = "model.layers.0.self_attn.k_proj.weight";
      CHECK(std::ranges::equal(snapshot.require(fixed).data, weights.require(fixed).data));
    }
  }

  TEST_CASE("a model with a scalar head writes no text, and weights of another model are refused") {
    const language::ModelConfig config = tiny_llama();
    const language::ModelConfig scalar = language::with_scalar_head(config);
    const language::ModelWeights weights = language::random_weights(scalar, 1);
    CHECK_THROWS_WITH_AS(LanguageModel(scalar, weights, at::kCPU, {}),
                         doctest::Contains("scores texts and cannot write any"), Error);
    CHECK_THROWS_WITH_AS(ScalarModel(scalar, language::random_weights(config, 1), at::kCPU, {}),
                         doctest::Contains("score.weight"), Error);
    language::ModelConfig wider = config;
    wider.hidden += 8;
    CHECK_THROWS_AS(ScalarModel(wider, language::random_weights(config, 1), at::kCPU, {}), Error);
  }
}
