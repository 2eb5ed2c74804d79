#include "rl/language/model_weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "language/model_folders.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "tests/support/errors.h"

namespace {

using rl::tests::contains;

using namespace rl::language;
using rl::DType;
using rl::TensorView;
using rl::tests::tiny_config;

std::string refusal(std::vector<TensorView> tensors) {
  try {
    ModelWeights(tiny_config(Family::llama), std::move(tensors), nullptr, "file");
    return "";
  } catch (const rl::Error& error) {
    return error.what();
  }
}

std::vector<float> through(const std::vector<float>& values, DType dtype) {
  const TensorView tensor{"x", DType::f32, {static_cast<std::int64_t>(values.size())},
                          std::as_bytes(std::span(values))};
  // A bias of a configuration would do as well: any tensor is converted alike.
  ModelConfig config = tiny_config(Family::llama);
  const ModelWeights weights = random_weights(config, 1);
  std::vector<TensorView> tensors = weights.tensors();
  for (TensorView& old : tensors) {
    if (old.name == "model.norm.weight") old.data = tensor.data;
  }
  const ModelWeights changed(config, tensors, nullptr, "test");
  return to_f32(changed.as(dtype).require("model.norm.weight"));
}

TEST_SUITE_BEGIN("model weights");

TEST_CASE("random weights are the same on every machine, and of the stated spread") {
  const ModelConfig config = tiny_config(Family::llama);
  const ModelWeights weights = random_weights(config, 7);
  CHECK(weights.tensors().size() == model_parameters(config).size());
  for (const float value : to_f32(weights.require("model.norm.weight"))) CHECK(value == 1.0F);
  const auto embedding = to_f32(weights.require("model.embed_tokens.weight"));
  double sum = 0.0;
  for (const double value : embedding) sum += value * value;
  const double deviation = std::sqrt(sum / static_cast<double>(embedding.size()));
  CHECK(deviation > 0.015);
  CHECK(deviation < 0.025);
  CHECK(embedding[0] == to_f32(random_weights(config, 7).require("model.embed_tokens.weight"))[0]);
  CHECK(embedding[0] != to_f32(random_weights(config, 8).require("model.embed_tokens.weight"))[0]);
  CHECK(rl::to_hex(rl::digest(weights.require("model.layers.1.mlp.down_proj.weight").data)) ==
        "0e9e53940310bba4088c9e7900a9a527346fcf32e56f88bb9c6ff2b2eb573807");
}

TEST_CASE("all that is wrong is listed at once") {
  const ModelWeights whole = random_weights(tiny_config(Family::llama), 1);
  std::vector<TensorView> tensors = whole.tensors();
  CHECK(refusal(tensors).empty());
  tensors[0].name = "model.embed.weight";
  tensors[1].shape = {4, 2};
  tensors[2].dtype = DType::i32;
  tensors[3] = tensors[4];
  const std::string message = refusal(tensors);
  CHECK(contains(message, "missing (2): model.embed_tokens.weight [11, 8], "));
  CHECK(contains(message, "superfluous (1): model.embed.weight [11, 8]"));
  CHECK(contains(message, "model.layers.0.input_layernorm.weight is [4, 2], not [8]"));
  CHECK(contains(message, "model.layers.0.self_attn.q_proj.weight is i32"));
  CHECK(contains(message, "there twice (1): "));
  tensors = whole.tensors();
  tensors[0].data = tensors[0].data.first(8);
  CHECK(contains(refusal(tensors), "data of another length"));
}

TEST_CASE("a scalar head is put in the place of another; the rest is shared") {
  const ModelConfig config = tiny_config(Family::qwen2);
  const ModelWeights weights = random_weights(config, 1);
  const ModelWeights scalar = with_scalar_head(config, weights);
  CHECK(scalar.find("lm_head.weight") == nullptr);
  CHECK(to_f32(scalar.require("score.weight")) == std::vector<float>(8, 0.0F));
  CHECK(scalar.require("model.norm.weight").data.data() ==
        weights.require("model.norm.weight").data.data());
  const ModelWeights again = with_scalar_head(with_scalar_head(config), scalar);
  CHECK(again.require("score.weight").data.data() == scalar.require("score.weight").data.data());
}

TEST_CASE("a wrong name is answered with near ones") {
  const ModelWeights weights = random_weights(tiny_config(Family::llama), 1);
  CHECK_THROWS_WITH_AS(weights.require("model.norm.weights"),
                       doctest::Contains("the nearest model.norm.weight"), rl::Error);
  CHECK(weights.find("nothing") == nullptr);
  CHECK(ModelWeights().find("nothing") == nullptr);
}

TEST_CASE("conversion rounds to nearest even and keeps what is not finite") {
  const float infinity = std::numeric_limits<float>::infinity();
  // bf16 keeps 8 significant bits: 1 + 2^-8 and 1 + 3 * 2^-8 are ties.
  const std::vector<float> values = {1.0F + 0x1p-8F, 1.0F + 0x1.8p-7F, 3.14159274F, -infinity,
                                     std::nanf(""),  1e-40F,           -0.0F,       65519.0F};
  const auto bf16 = through(values, DType::bf16);
  CHECK(bf16[0] == 1.0F);
  CHECK(bf16[1] == 1.0F + 0x1p-6F);
  CHECK(bf16[2] == 3.140625F);
  CHECK(bf16[3] == -infinity);
  CHECK(std::isnan(bf16[4]));
  CHECK(std::signbit(bf16[6]));
  const auto f16 = through(values, DType::f16);
  CHECK(f16[0] == values[0]);
  CHECK(f16[2] == 3.140625F);
  CHECK(f16[3] == -infinity);
  CHECK(std::isnan(f16[4]));
  CHECK(f16[5] == 0.0F);
  CHECK(f16[7] == 65504.0F);
  const std::vector<float> small = {0x1p-24F, 0x1p-25F, 0x1.8p-24F, 0x1p-14F,
                                    -0x1p-15F, 65520.0F, 1.0F + 0x1p-11F, 1.0F + 0x1.8p-10F};
  const auto rounded = through(small, DType::f16);
  CHECK(rounded[0] == 0x1p-24F);
  CHECK(rounded[1] == 0.0F);
  CHECK(rounded[2] == 0x1p-23F);
  CHECK(rounded[3] == 0x1p-14F);
  CHECK(rounded[4] == -0x1p-15F);
  CHECK(rounded[5] == infinity);
  CHECK(rounded[6] == 1.0F);
  CHECK(rounded[7] == 1.0F + 0x1p-9F);
}

TEST_CASE("conversion copies what differs and shares the rest") {
  const ModelWeights weights = random_weights(tiny_config(Family::llama), 1);
  const ModelWeights same = weights.as(DType::f32);
  CHECK(same.tensors()[0].data.data() == weights.tensors()[0].data.data());
  ModelWeights half;
  {
    const ModelWeights other = random_weights(tiny_config(Family::llama), 1);
    half = other.as(DType::bf16);
  }
  CHECK(half.tensors()[0].dtype == DType::bf16);
  CHECK(half.tensors()[0].data.size() == 11 * 8 * 2);
  const auto wide = to_f32(half.tensors()[0]);
  const auto exact = to_f32(weights.tensors()[0]);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    CHECK(std::abs(wide[i] - exact[i]) <= std::abs(exact[i]) * 0x1p-8F);
  }
}

TEST_SUITE_END();

}  // namespace
