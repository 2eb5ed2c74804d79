#include "rl/language/model_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "formats/faulty_files.h"
#include "language/model_folders.h"
#include "rl/core/error.h"
#include "rl/text/tokenizer.h"
#include "support/temporary_folder.h"
#include "tests/support/errors.h"

namespace {

using rl::tests::contains;

using namespace rl::language;
using rl::DType;
using rl::TensorView;
using rl::tests::copy_golden;
using rl::tests::Fault;
using rl::tests::FaultyFiles;
using rl::tests::golden_model;
using rl::tests::put_text;
using rl::tests::TemporaryFolder;
using rl::tests::text_of;
using rl::tests::tiny_model;
namespace fs = std::filesystem;

constexpr Family kFamilies[] = {Family::llama, Family::qwen2, Family::qwen3, Family::gpt2};

std::string refusal(const fs::path& folder) {
  try {
    load_model(folder);
    return "";
  } catch (const rl::Error& error) {
    return error.what();
  }
}

void edit_config(const fs::path& folder, const std::string& key, const nlohmann::json& value) {
  auto config = nlohmann::json::parse(text_of(folder / "config.json"));
  config[key] = value;
  put_text(folder / "config.json", config.dump());
}

// Name to content of every file in a folder.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename().string()] = text_of(entry.path());
  }
  return files;
}

std::ptrdiff_t num_entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

// The model with other data in its i-th tensor.
ModelFolder with_tensor(const ModelFolder& model, std::size_t i, std::span<const std::byte> data) {
  ModelFolder changed = model;
  std::vector<TensorView> tensors = model.weights.tensors();
  tensors[i].data = data;
  changed.weights =
      ModelWeights(model.config, tensors, std::make_shared<ModelWeights>(model.weights), "test");
  return changed;
}

bool same_tensors(const ModelWeights& a, const ModelWeights& b) {
  return std::ranges::equal(a.tensors(), b.tensors(), [](const auto& one, const auto& other) {
    return one.name == other.name && one.dtype == other.dtype && one.shape == other.shape &&
           std::ranges::equal(one.data, other.data);
  });
}

TEST_SUITE_BEGIN("model files");

TEST_CASE("what transformers saves is loaded: every family, dtype and layout") {
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(golden_model(""))) {
    CAPTURE(entry.path().filename().string());
    const ModelFolder model = load_model(entry.path());
    CHECK(model.weights.tensors().size() == model_parameters(model.config).size());
    CHECK_FALSE(model.stop_ids.empty());
    for (const TensorView& tensor : model.weights.tensors()) {
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.data.data()) % 4 == 0);
    }
    ++cases;
  }
  CHECK(cases == 19);
}

TEST_CASE("a trained Llama in Hugging Face layout is loaded") {
  const fs::path folder = rl::tests::outside_data() / "stories260k";
  if (!fs::exists(folder)) {
    MESSAGE("skipped: there is no " << folder.string());
    return;
  }
  const ModelFolder model = load_model(folder);
  CHECK(model.config.family == Family::llama);
  CHECK(model.config.layers == 5);
  CHECK(model.config.key_value_heads == 4);
  CHECK(model.config.tied_head);
  CHECK(parameter_count(model.config) == 260032);
  CHECK(model.stop_ids == std::vector<std::int32_t>{2});
  CHECK(model.weights.tensors().front().name == "model.embed_tokens.weight");
  CHECK(to_f32(model.weights.require("model.norm.weight")).size() == 64);
  CHECK(model.chat_template.empty());
  CHECK_FALSE(model.tokenizer_json.empty());
}

TEST_CASE("GPT-2's fused and transposed weights are taken apart, and put together again") {
  const TemporaryFolder folder;
  ModelFolder model = tiny_model(Family::gpt2);
  save_model(folder.path() / "m", model);
  const std::string file = text_of(folder.path() / "m/model.safetensors");
  const rl::SafetensorsView view(std::as_bytes(std::span(file)), "file");
  const auto fused = view.values<float>("transformer.h.1.attn.c_attn.weight", {8, 24});
  const auto query = to_f32(model.weights.require("model.layers.1.self_attn.q_proj.weight"));
  const auto value = to_f32(model.weights.require("model.layers.1.self_attn.v_proj.weight"));
  for (std::size_t out = 0; out < 8; ++out) {
    for (std::size_t in = 0; in < 8; ++in) {
      CHECK(fused[in * 24 + out] == query[out * 8 + in]);
      CHECK(fused[in * 24 + 16 + out] == value[out * 8 + in]);
    }
  }
  const auto up = view.values<float>("transformer.h.0.mlp.c_fc.weight", {8, 6});
  CHECK(up[1] == to_f32(model.weights.require("model.layers.0.mlp.up_proj.weight"))[8]);
  CHECK(view.find("lm_head.weight") != nullptr);  // untied, and without the prefix
}

TEST_CASE("saved models load as what they were, and are saved to the same bytes again") {
  for (const Family family : kFamilies) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      for (const std::size_t shard : {std::size_t{1} << 30, std::size_t{500}}) {
        const TemporaryFolder folder;
        const ModelFolder model = tiny_model(family);
        const SaveOptions options{.dtype = dtype, .shard_bytes = shard};
        save_model(folder.path() / "a", model, options);
        const ModelFolder loaded = load_model(folder.path() / "a");
        CHECK(same_tensors(loaded.weights, model.weights.as(dtype)));
        CHECK(fs::exists(folder.path() / "a/model.safetensors.index.json") == (shard == 500));
        save_model(folder.path() / "b", loaded, options);
        CHECK(contents(folder.path() / "a") == contents(folder.path() / "b"));
      }
    }
  }
}

TEST_CASE("a golden model survives loading and saving in its own dtype") {
  for (const auto& entry : fs::directory_iterator(golden_model(""))) {
    CAPTURE(entry.path().filename().string());
    const TemporaryFolder folder;
    const ModelFolder model = load_model(entry.path());
    const SaveOptions options{.dtype = model.weights.tensors()[0].dtype};
    save_model(folder.path() / "m", model, options);
    CHECK(same_tensors(load_model(folder.path() / "m").weights, model.weights));
  }
}

TEST_CASE("classifiers with one label are loaded, and saved as what they were") {
  const TemporaryFolder folder;
  for (const char* name : {"llama", "qwen2_bf16", "qwen3", "gpt2"}) {
    CAPTURE(name);
    const ModelFolder model = load_model(golden_model("../scalar/" + std::string(name)));
    CHECK(model.config.scalar_head);
    CHECK(model.weights.require("score.weight").shape == rl::Shape{1, 24});
    CHECK(model.weights.find("lm_head.weight") == nullptr);
    const DType dtype = model.weights.require("score.weight").dtype;
    save_model(folder.path() / name, model, {.dtype = dtype});
    const ModelFolder again = load_model(folder.path() / name);
    CHECK(again.config.scalar_head);
    for (const TensorView& tensor : model.weights.tensors()) {
      CAPTURE(tensor.name);
      CHECK(std::ranges::equal(again.weights.require(tensor.name).data, tensor.data));
    }
  }
}

TEST_CASE("a classifier of several labels, or with a head of another kind, is refused") {
  const TemporaryFolder folder;
  copy_golden("../scalar/llama", folder.path() / "m");
  edit_config(folder.path() / "m", "id2label", {{"0", "bad"}, {"1", "good"}});
  CHECK(contains(refusal(folder.path() / "m"), "id2label is of a classifier of several labels"));
  copy_golden("../scalar/llama", folder.path() / "n");
  edit_config(folder.path() / "n", "architectures", {"LlamaForCausalLM"});
  const std::string message = refusal(folder.path() / "n");
  CHECK(contains(message, "lm_head.weight"));
  CHECK(contains(message, "score.weight"));
  copy_golden("llama_untied", folder.path() / "o");
  edit_config(folder.path() / "o", "architectures", {"LlamaForSequenceClassification"});
  CHECK(contains(refusal(folder.path() / "o"), "score.weight"));
}

TEST_CASE("the texts beside the weights are kept") {
  const TemporaryFolder folder;
  ModelFolder model = tiny_model(Family::llama);
  model.tokenizer_config_json = R"({"chat_template": "in the configuration"})";
  model.generation_config_json = R"({"eos_token_id": [2, 5]})";
  model.chat_template = "a file of its own";
  save_model(folder.path() / "m", model);
  const ModelFolder loaded = load_model(folder.path() / "m");
  CHECK(loaded.tokenizer_config_json == model.tokenizer_config_json);
  CHECK(loaded.chat_template == "a file of its own");
  CHECK(loaded.stop_ids == std::vector<std::int32_t>{2, 5});
  fs::remove(folder.path() / "m/chat_template.jinja");
  CHECK(load_model(folder.path() / "m").chat_template == "in the configuration");
  fs::remove(folder.path() / "m/generation_config.json");
  CHECK(load_model(folder.path() / "m").stop_ids == std::vector<std::int32_t>{2});
}

TEST_CASE("of several chat templates the one named default is taken") {
  const TemporaryFolder folder;
  ModelFolder model = tiny_model(Family::llama);
  model.tokenizer_config_json = R"({"chat_template": [{"name": "tool_use", "template": "t"},
                                                      {"name": "default", "template": "d"}]})";
  save_model(folder.path() / "m", model);
  CHECK(load_model(folder.path() / "m").chat_template == "d");
  put_text(folder.path() / "m/tokenizer_config.json", R"({"chat_template": [1]})");
  CHECK(contains(refusal(folder.path() / "m"), "chat_template is malformed"));
}

TEST_CASE("every missing, superfluous and misshaped tensor is named") {
  const TemporaryFolder folder;
  copy_golden("qwen2_tied", folder.path() / "m");
  edit_config(folder.path() / "m", "num_hidden_layers", 3);
  const std::string missing = refusal(folder.path() / "m");
  CHECK(contains(missing, "missing (12): model.layers.2.input_layernorm.weight [24]"));
  CHECK(contains(missing, "model.layers.2.mlp.down_proj.weight [24, 40]"));
  edit_config(folder.path() / "m", "num_hidden_layers", 1);
  CHECK(contains(refusal(folder.path() / "m"), "superfluous (12): "));
  edit_config(folder.path() / "m", "num_hidden_layers", 2);
  edit_config(folder.path() / "m", "vocab_size", 98);
  CHECK(contains(refusal(folder.path() / "m"),
                 "model.embed_tokens.weight is [97, 24], not [98, 24]"));
}

TEST_CASE("a tied head that is stored must be the embedding") {
  const TemporaryFolder folder;
  const ModelFolder model = tiny_model(Family::llama);
  save_model(folder.path() / "m", model);
  edit_config(folder.path() / "m", "tie_word_embeddings", true);
  CHECK(contains(refusal(folder.path() / "m"), "lm_head.weight is stored and differs"));
  const auto& tensors = model.weights.tensors();
  save_model(folder.path() / "n",
             with_tensor(model, tensors.size() - 1, tensors.front().data));
  edit_config(folder.path() / "n", "tie_word_embeddings", true);
  CHECK(load_model(folder.path() / "n").weights.find("lm_head.weight") == nullptr);
}

TEST_CASE("a cut or damaged file of weights is refused, at any length") {
  const TemporaryFolder folder;
  copy_golden("gpt2", folder.path() / "m");
  const fs::path file = folder.path() / "m/model.safetensors";
  const std::string whole = text_of(file);
  for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{100},
                                   whole.size() / 2, whole.size() - 1}) {
    put_text(file, whole.substr(0, length));
    CHECK(contains(refusal(folder.path() / "m"), "model.safetensors"));
  }
  std::string hostile = whole;
  hostile.replace(0, 8, std::string(8, '\xFF'));  // a header of 2^64 - 1 bytes
  put_text(file, hostile);
  CHECK(contains(refusal(folder.path() / "m"), "header is longer than allowed"));
  put_text(file, whole + "more");
  CHECK(contains(refusal(folder.path() / "m"), "tensors do not cover the data"));
}

TEST_CASE("an index may name files of its own folder alone") {
  const TemporaryFolder folder;
  copy_golden("llama_mqa_sharded", folder.path() / "m");
  const fs::path file = folder.path() / "m/model.safetensors.index.json";
  const auto whole = nlohmann::json::parse(text_of(file));
  for (const nlohmann::json& name : {nlohmann::json("../x.safetensors"), nlohmann::json("/etc/x"),
                                     nlohmann::json("a/b"), nlohmann::json(""), nlohmann::json(1),
                                     nlohmann::json(".."), nlohmann::json("a\\b")}) {
    auto changed = whole;
    changed["weight_map"]["model.norm.weight"] = name;
    put_text(file, changed.dump());
    CHECK(contains(refusal(folder.path() / "m"), "names a file outside the folder"));
  }
  put_text(file, R"({"weight_map": {}})");
  CHECK(contains(refusal(folder.path() / "m"), "weight_map is missing or empty"));
  auto elsewhere = whole;
  elsewhere["weight_map"]["model.norm.weight"] = "model-00001-of-00004.safetensors";
  put_text(file, elsewhere.dump());
  CHECK(contains(refusal(folder.path() / "m"), "no model.norm.weight"));
  put_text(file, whole.dump());
  fs::remove(folder.path() / "m/model-00002-of-00004.safetensors");
  CHECK(contains(refusal(folder.path() / "m"), "model-00002-of-00004.safetensors"));
}

TEST_CASE("a folder without weights says what it has instead") {
  const TemporaryFolder folder;
  CHECK(contains(refusal(folder.path()), "config.json"));
  copy_golden("gpt2", folder.path() / "m");
  fs::rename(folder.path() / "m/model.safetensors", folder.path() / "m/pytorch_model.bin");
  CHECK(contains(refusal(folder.path() / "m"), "convert it to safetensors"));
}

TEST_CASE("a tokenizer must not know more ids than the model; a padded vocabulary is fine") {
  const TemporaryFolder folder;
  ModelFolder model;
  model.config = rl::tests::tiny_config(Family::llama);
  model.config.vocabulary = 259;
  model.config.tied_head = true;
  model.weights = random_weights(model.config, 1);
  model.tokenizer_json = rl::text::byte_tokenizer_json();
  save_model(folder.path() / "m", model);
  CHECK(refusal(folder.path() / "m").empty());
  model.config.vocabulary = 300;
  model.weights = random_weights(model.config, 1);
  save_model(folder.path() / "m", model);
  CHECK(refusal(folder.path() / "m").empty());
  model.config.vocabulary = 258;
  model.weights = random_weights(model.config, 1);
  CHECK_THROWS_WITH_AS(save_model(folder.path() / "m", model),
                       doctest::Contains("got 258 ('<|pad|>')"), rl::Error);
  CHECK(load_model(folder.path() / "m").config.vocabulary == 300);
}

TEST_CASE("weights that are not numbers load: what to do about them is the caller's decision") {
  const TemporaryFolder folder;
  const std::vector<std::uint32_t> bad(8, 0x7FC00000);
  const auto data = std::as_bytes(std::span(bad));
  save_model(folder.path() / "m", with_tensor(tiny_model(Family::llama), 1, data));
  CHECK(refusal(folder.path() / "m").empty());
}

TEST_CASE("values too large for f16 are refused, not made infinite") {
  const TemporaryFolder folder;
  const std::vector<float> large(8, 1e6F);
  const auto data = std::as_bytes(std::span(large));
  const ModelFolder model = with_tensor(tiny_model(Family::llama), 1, data);
  CHECK_THROWS_WITH_AS(save_model(folder.path() / "m", model, {.dtype = DType::f16}),
                       doctest::Contains("input_layernorm.weight has values too large"), rl::Error);
  CHECK(fs::is_empty(folder.path()));
  CHECK_NOTHROW(save_model(folder.path() / "m", model, {.dtype = DType::bf16}));
}

TEST_CASE("whichever call fails, the old or the new directory stands whole") {
  const ModelFolder old = tiny_model(Family::llama, 1);
  const ModelFolder recent = tiny_model(Family::llama, 2);
  for (const Fault fault : {Fault::no_space, Fault::io_error, Fault::short_write, Fault::kill}) {
    for (std::size_t call = 1;; ++call) {
      CAPTURE(call);
      const TemporaryFolder folder;
      const fs::path target = folder.path() / "m";
      save_model(target, old);
      FaultyFiles files(call, fault);
      bool threw = false;
      try {
        save_model(target, recent, {.shard_bytes = 2000}, files);
      } catch (const rl::Error&) {
        threw = true;
      } catch (const rl::tests::Killed&) {
      }
      const ModelWeights found = load_model(target).weights;
      const bool is_old = same_tensors(found, old.weights);
      CHECK((is_old || same_tensors(found, recent.weights)));
      if (threw && is_old) CHECK(num_entries(folder.path()) == 1);
      if (!files.failed()) break;
      save_model(target, recent);  // tidies up what was left
      CHECK(num_entries(folder.path()) == 1);
    }
  }
}

// A file system where two names cannot change places.
class PlainFiles final : public rl::FileSystem {
 public:
  int exchange(const fs::path&, const fs::path&) override {
    errno = EINVAL;
    return -1;
  }
  int rename(const fs::path& from, const fs::path& to) override {
    if (++renames_ != fail_at) return rl::FileSystem::rename(from, to);
    errno = EIO;
    return -1;
  }
  int fail_at = 0;

 private:
  int renames_ = 0;
};

TEST_CASE("where names cannot be exchanged, the old directory is put back after a failure") {
  const TemporaryFolder folder;
  const ModelFolder old = tiny_model(Family::llama, 1);
  const ModelFolder recent = tiny_model(Family::llama, 2);
  save_model(folder.path() / "m", old);
  PlainFiles failing;
  failing.fail_at = 2;
  CHECK_THROWS_AS(save_model(folder.path() / "m", recent, {}, failing), rl::Error);
  CHECK(same_tensors(load_model(folder.path() / "m").weights, old.weights));
  CHECK(num_entries(folder.path()) == 1);
  PlainFiles working;
  save_model(folder.path() / "m", recent, {}, working);
  CHECK(same_tensors(load_model(folder.path() / "m").weights, recent.weights));
  fs::rename(folder.path() / "m", folder.path() / ".m.old");  // killed between the two renames
  FaultyFiles full(5, Fault::no_space);
  CHECK_THROWS_AS(save_model(folder.path() / "m", old, {}, full), rl::Error);
  CHECK(same_tensors(load_model(folder.path() / "m").weights, recent.weights));
}

TEST_CASE("only a model directory is replaced") {
  const TemporaryFolder folder;
  const ModelFolder model = tiny_model(Family::llama);
  const fs::path target = folder.path() / "m";
  fs::create_directories(target / "precious");
  CHECK_THROWS_WITH_AS(save_model(target, model), doctest::Contains("not a model directory"),
                       rl::Error);
  CHECK(fs::exists(target / "precious"));
  fs::remove(target / "precious");
  CHECK_NOTHROW(save_model(target, model));  // an empty folder
  put_text(target / "notes.odt", "mine");
  CHECK_THROWS_AS(save_model(target, model), rl::Error);
  fs::remove(target / "notes.odt");
  fs::create_directory_symlink(target, folder.path() / "link");
  CHECK_NOTHROW(save_model(folder.path() / "link", tiny_model(Family::llama, 3)));
  CHECK(fs::is_symlink(folder.path() / "link"));
  put_text(folder.path() / "file", "x");
  CHECK_THROWS_AS(save_model(folder.path() / "file", model), rl::Error);
}

TEST_CASE("a loaded model outlives the replacement of its directory") {
  const TemporaryFolder folder;
  const ModelFolder old = tiny_model(Family::llama, 1);
  save_model(folder.path() / "m", old);
  const ModelFolder loaded = load_model(folder.path() / "m");
  save_model(folder.path() / "m", tiny_model(Family::llama, 2));
  CHECK(same_tensors(loaded.weights, old.weights));
}

TEST_SUITE_END();

}  // namespace
