#include "rl/models/lora.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "models/language/tiny_models.h"
#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "rl/language/model_files.h"
#include "rl/models/adam.h"
#include "support/temporary_folder.h"

using namespace rl;
using namespace rl::testing;
using nlohmann::json;
using rl::tests::TemporaryFolder;

namespace {

const std::filesystem::path kGolden = std::filesystem::path(RL_TEST_DATA) / "golden/language";

std::string text_of(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::size_t{1} << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

LanguageModel golden_model(const LoraOptions& lora) {
  const language::ModelFolder folder = language::load_model(kGolden / "models/llama_gqa2_tied");
  return LanguageModel(folder.config, folder.weights, at::kCPU, {.threads = 1, .lora = lora});
}

LoraOptions some_adapters() {
  return {.rank = 2, .alpha = 4.0, .targets = {"k_proj", "gate_proj"}};
}

// A copy of the golden adapter whose configuration says something else.
std::filesystem::path changed(const std::filesystem::path& folder, const std::string& key,
                              const json& value) {
  make_folders(folder);
  json config = json::parse(text_of(kGolden / "adapters/peft/adapter_config.json"));
  config[key] = value;
  const std::string text = config.dump();
  write_file(folder / "adapter_config.json", std::as_bytes(std::span(text)));
  std::filesystem::copy_file(kGolden / "adapters/peft/adapter_model.safetensors",
                             folder / "adapter_model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  return folder;
}

}  // namespace

TEST_SUITE("LanguageModel: adapters") {
  TEST_CASE("PEFT's adapter is read, and the model says what PEFT's model says") {
    LanguageModel model = golden_model(read_lora_options(kGolden / "adapters/peft"));
    load_adapters(kGolden / "adapters/peft", model);
    const Bytes bytes = read_file(kGolden / "adapters/expected.safetensors", 1 << 20);
    const SafetensorsView golden(bytes, "expected");
    const auto tokens = golden.values<std::int64_t>("tokens", {25});
    const auto expected = golden.values<float>("log_probs", {24});
    PackedTokens packed{at::empty({25}, at::kLong), {25}};
    std::copy(tokens.begin(), tokens.end(), packed.tokens.mutable_data_ptr<std::int64_t>());
    const at::Tensor log_probs =
        model.token_log_probs(model.hidden(packed), next_tokens(packed)).log_probs;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(log_probs.const_data_ptr<float>()[i] == doctest::Approx(expected[i]).epsilon(1e-4));
    }
  }

  TEST_CASE("what is saved is what PEFT reads, to the byte, and reads back to the same bits") {
    const TemporaryFolder folder;
    LanguageModel model = golden_model(read_lora_options(kGolden / "adapters/peft"));
    load_adapters(kGolden / "adapters/peft", model);
    save_adapters(folder.path() / "adapter", model, "llama_gqa2_tied");
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
      CAPTURE(name);
      const std::string expected = text_of(kGolden / "adapters/corral" / name);
      CHECK((text_of(folder.path() / "adapter" / name) == expected));
    }
    LanguageModel again = golden_model(read_lora_options(folder.path() / "adapter"));
    load_adapters(folder.path() / "adapter", again);
    CHECK(again.parameters().values().equal(model.parameters().values()));
  }

  TEST_CASE("new adapters change nothing, their first matrix is random, and a seed repeats it") {
    const language::ModelConfig config = tiny_llama();
    const language::ModelWeights weights = lively_weights(config, 41);
    const PackedTokens packed = packed_tokens({20}, config.vocabulary, 42);
    const LanguageModel bare(config, weights, at::kCPU, {.threads = 1});
    LanguageModelOptions options{.threads = 1, .lora = some_adapters(), .seed = 5};
    LanguageModel first(config, weights, at::kCPU, options);
    LanguageModel second(config, weights, at::kCPU, options);
    options.seed = 6;
    LanguageModel other(config, weights, at::kCPU, options);
    CHECK(first.hidden(packed).equal(bare.hidden(packed)));
    CHECK(first.parameters().values().equal(second.parameters().values()));
    CHECK_FALSE(first.parameters().values().equal(other.parameters().values()));
    const double bound = 1.0 / std::sqrt(24.0);
    const at::Tensor a = first.parameters().value(0);
    CHECK(a.abs().max().item<double>() < bound);
    CHECK(a.abs().max().item<double>() > 0.8 * bound);
  }

  TEST_CASE("training adapters lowers the loss and leaves every other weight as it was") {
    const language::ModelConfig config = tiny_llama();
    const language::ModelWeights weights = lively_weights(config, 43);
    LanguageModel model(config, weights, at::kCPU, {.threads = 2, .lora = some_adapters()});
    Adam adam(model.parameters(), {.max_gradient_norm = 1.0});
    const PackedTokens packed = packed_tokens({20, 9}, config.vocabulary, 44);
    const at::Tensor targets = next_tokens(packed);
    double first = 0.0;
    double last = 0.0;
    for (int step = 0; step < 30; ++step) {
      model.parameters().gradients().zero_();
      const at::Tensor loss = -model.token_log_probs(model.hidden(packed), targets).log_probs.sum();
      torch::autograd::backward({loss});
      REQUIRE(adam.step(loss, 0.02).applied);
      last = loss.item<double>();
      if (step == 0) first = last;
    }
    CHECK(last < 0.8 * first);
    const language::ModelWeights after = model.snapshot();
    for (const TensorView& tensor : weights.tensors()) {
      CAPTURE(tensor.name);
      const bool is_target = tensor.name.ends_with("k_proj.weight") ||
                             tensor.name.ends_with("gate_proj.weight");
      const bool kept = language::to_f32(after.require(tensor.name)) == language::to_f32(tensor);
      CHECK(kept != is_target);
    }
  }

  TEST_CASE("use_rslora scales by the root of the rank") {
    const TemporaryFolder folder;
    const LoraOptions options = read_lora_options(changed(folder.path(), "use_rslora", true));
    CHECK(options.alpha == doctest::Approx(6.0 * std::sqrt(3.0)));
  }

  TEST_CASE("what is not supported is refused by its key") {
    const TemporaryFolder folder;
    const std::vector<std::pair<std::string, json>> unsupported{
        {"peft_type", "IA3"}, {"bias", "all"}, {"use_dora", true},
        {"rank_pattern", {{"q_proj", 8}}},
        {"modules_to_save", {"lm_head"}}, {"layers_to_transform", {0}}, {"r", 0}, {"r", "3"},
        {"lora_alpha", -1}, {"target_modules", "all-linear"}, {"target_modules", json::array()},
        {"target_modules", {1}}};
    for (const auto& [key, value] : unsupported) {
      CAPTURE(key);
      const auto path = changed(folder.path(), key, value);
      const std::string message = message_of([&] { read_lora_options(path); });
      CHECK(message.find("'" + key + "'") != std::string::npos);
    }
    const std::string text = "[";
    write_file(folder.path() / "adapter_config.json", std::as_bytes(std::span(text)));
    CHECK(message_of([&] { read_lora_options(folder.path()); }).find("JSON object") !=
          std::string::npos);
  }

  TEST_CASE("adapters that do not fit are refused with all that is wrong, and nothing changes") {
    const LoraOptions stored = read_lora_options(kGolden / "adapters/peft");
    LoraOptions wanted = stored;
    wanted.targets = {"q_proj", "k_proj"};
    LanguageModel model = golden_model(wanted);
    const at::Tensor before = model.parameters().values().clone();
    const std::string message =
        message_of([&] { load_adapters(kGolden / "adapters/peft", model); });
    CHECK(message.find("layers.0.self_attn.k_proj.lora_A.weight is missing") != std::string::npos);
    CHECK(message.find("layers.1.mlp.down_proj.lora_B.weight is superfluous") != std::string::npos);
    CHECK(model.parameters().values().equal(before));
    wanted = stored;
    wanted.rank = 4;
    LanguageModel larger = golden_model(wanted);
    CHECK(message_of([&] { load_adapters(kGolden / "adapters/peft", larger); }).find("rank 4") !=
          std::string::npos);
    LanguageModel bare = golden_model({});
    CHECK(message_of([&] { load_adapters(kGolden / "adapters/peft", bare); })
              .find("the model has no adapters") != std::string::npos);
  }

  TEST_CASE("options that make no sense and GPT-2's files are refused") {
    const language::ModelConfig config = tiny_llama();
    const language::ModelWeights weights = language::random_weights(config, 1);
    const auto making = [&](const LoraOptions& lora) {
      return message_of([&] {
        LanguageModel(config, weights, at::kCPU, {.threads = 1, .lora = lora});
      });
    };
    CHECK(making({.rank = -1}).find("rank or alpha") != std::string::npos);
    CHECK(making({.rank = 2, .alpha = 0.0}).find("rank or alpha") != std::string::npos);
    CHECK(making({.rank = 2, .targets = {}}).find("no target") != std::string::npos);
    CHECK(making({.rank = 2, .targets = {"q_projection"}}).find("down_proj, gate_proj") !=
          std::string::npos);
    const language::ModelConfig gpt2 = tiny_models()[3].config;
    const LanguageModel model(gpt2, language::random_weights(gpt2, 1), at::kCPU,
                              {.threads = 1, .lora = {.rank = 2}});
    const TemporaryFolder folder;
    CHECK(message_of([&] { save_adapters(folder.path(), model, "gpt2"); }).find("GPT-2") !=
          std::string::npos);
  }
}
