#include "rl/language/model_image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "rl/core/error.h"
#include "rl/text/tokenizer.h"

TEST_SUITE_BEGIN("language::model_image");

using namespace rl;
using namespace rl::language;

namespace {

ModelConfig tiny(Family family = Family::llama) {
  ModelConfig config;
  config.family = family;
  config.vocabulary = 259;
  config.hidden = 8;
  config.layers = 2;
  config.query_heads = 2;
  config.key_value_heads = 1;
  config.head_dim = 4;
  config.intermediate = 12;
  config.context = 32;
  config.query_key_norm = family == Family::qwen3;
  config.qkv_bias = family == Family::qwen2;
  return config;
}

ModelImage example(Family family = Family::llama) {
  return {.config = tiny(family),
          .weights = random_weights(tiny(family), 5),
          .tokenizer_json = text::byte_tokenizer_json(),
          .stop_ids = {257, 258},
          .chat_template = "{{ messages }}",
          .bos_token = "<|bos|>",
          .eos_token = ""};
}

std::shared_ptr<const Bytes> shared(Bytes bytes) {
  return std::make_shared<const Bytes>(std::move(bytes));
}

// The image with other metadata.
std::shared_ptr<const Bytes> changed(
    const std::function<void(std::map<std::string, std::string>&)>& change) {
  const Bytes image = write_model_image(example());
  const SafetensorsView view(image, "image");
  auto metadata = view.metadata();
  change(metadata);
  return shared(write_safetensors(view.tensors(), metadata));
}

void refused(const char* what, const std::shared_ptr<const Bytes>& image) {
  CHECK_THROWS_WITH_AS(read_model_image(image, "weights version 4"), doctest::Contains(what),
                       Error);
  CHECK_THROWS_WITH_AS(read_model_image(image, "weights version 4"),
                       doctest::Contains("weights version 4"), Error);
}

}  // namespace

TEST_CASE("an image gives the model back: every tensor's bits, tokenizer, stop ids, template") {
  for (const Family family : {Family::llama, Family::qwen2, Family::qwen3}) {
    const ModelImage sent = example(family);
    const ModelImage read = read_model_image(shared(write_model_image(sent)), "image");
    CHECK(model_config_json(read.config, DType::f32) == model_config_json(sent.config, DType::f32));
    CHECK(read.tokenizer_json == sent.tokenizer_json);
    CHECK(read.stop_ids == sent.stop_ids);
    CHECK(read.chat_template == sent.chat_template);
    CHECK(read.bos_token == sent.bos_token);
    CHECK(read.eos_token == "");
    REQUIRE(read.weights.tensors().size() == sent.weights.tensors().size());
    for (const TensorView& tensor : sent.weights.tensors()) {
      CHECK(std::ranges::equal(read.weights.require(tensor.name).data, tensor.data));
    }
  }
}

TEST_CASE("the same model is the same bytes, whatever its tensors are stored as") {
  const ModelImage once = example();
  CHECK(write_model_image(once) == write_model_image(example()));
  ModelImage halves = example();
  halves.weights = halves.weights.as(DType::bf16);
  const ModelImage read = read_model_image(shared(write_model_image(halves)), "image");
  CHECK(read.weights.tensors().front().dtype == DType::f32);
}

TEST_CASE("the weights outlive the image's other holders") {
  ModelImage read;
  {
    const auto image = shared(write_model_image(example()));
    read = read_model_image(image, "image");
  }
  CHECK(to_f32(read.weights.tensors().back()) == to_f32(example().weights.tensors().back()));
}

TEST_CASE("no stop ids are fine; those that are no tokens are refused on both sides") {
  ModelImage model = example();
  model.stop_ids.clear();
  CHECK(read_model_image(shared(write_model_image(model)), "image").stop_ids.empty());
  model.stop_ids = {259};
  CHECK_THROWS_WITH_AS(write_model_image(model), doctest::Contains("259"), Error);
  for (const char* ids : {"259", "-1", "1,", ",1", "1;2", "x", "1 2", "99999999999"}) {
    refused("stop", changed([&](auto& metadata) { metadata["corral.stop_ids"] = ids; }));
  }
}

TEST_CASE("metadata that is missing or malformed is named") {
  for (const char* key : {"corral.model_config", "corral.tokenizer", "corral.stop_ids"}) {
    refused(key, changed([&](auto& metadata) { metadata.erase(key); }));
  }
  refused("corral.model_config", changed([](auto& m) { m["corral.model_config"] = "{"; }));
  refused("corral.tokenizer", changed([](auto& m) { m["corral.tokenizer"] = "[]"; }));
}

TEST_CASE("a tokenizer with ids beyond the model, and tensors of another model, are refused") {
  refused("ids that the model lacks", changed([](auto& metadata) {
            metadata["corral.tokenizer"] =
                R"({"model": {"type": "BPE", "vocab": {"a": 259}, "merges": []}})";
          }));
  refused("missing", changed([](auto& metadata) {
            ModelConfig deeper = tiny();
            deeper.layers = 3;
            metadata["corral.model_config"] = model_config_json(deeper, DType::f32);
          }));
  ModelImage mixed = example();
  mixed.config.layers = 3;
  CHECK_THROWS_WITH_AS(write_model_image(mixed), doctest::Contains("missing"), Error);
}

TEST_CASE("an image cut short anywhere is refused") {
  const Bytes whole = write_model_image(example());
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    CHECK_THROWS_AS(
        read_model_image(shared(Bytes(whole.begin(), whole.begin() + size)), "image"), Error);
  }
}

TEST_SUITE_END();
