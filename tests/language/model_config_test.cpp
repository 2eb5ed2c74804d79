#include "rl/language/model_config.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "language/model_folders.h"
#include "rl/core/error.h"
#include "tests/support/errors.h"

namespace {

using rl::tests::contains;

using namespace rl::language;
using nlohmann::json;

json llama() {
  return {{"model_type", "llama"},         {"vocab_size", 100},         {"hidden_size", 32},
          {"intermediate_size", 48},       {"num_hidden_layers", 2},    {"num_attention_heads", 4},
          {"max_position_embeddings", 64}, {"tie_word_embeddings", true}};
}

json gpt2() {
  return {{"model_type", "gpt2"}, {"vocab_size", 100}, {"n_embd", 32},
          {"n_layer", 2},         {"n_head", 4},       {"n_positions", 64}};
}

json with(json object, const std::string& key, json value) {
  object[key] = std::move(value);
  return object;
}

ModelConfig parse(const json& object) { return parse_model_config(object.dump(), "config.json"); }

std::string refusal(const std::string& text) {
  try {
    parse_model_config(text, "config.json");
    return "";
  } catch (const rl::Error& error) {
    return error.what();
  }
}
std::string refusal(const json& object) { return refusal(object.dump()); }

TEST_SUITE_BEGIN("model config");

TEST_CASE("a Llama's configuration, with the defaults of what is left out") {
  const ModelConfig config = parse(llama());
  CHECK(config.family == Family::llama);
  CHECK(config.key_value_heads == 4);
  CHECK(config.head_dim == 8);
  CHECK(config.norm_epsilon == 1e-6F);
  CHECK(config.rope.theta == 10000.0);
  CHECK(config.rope.scaling == RopeScaling::none);
  CHECK_FALSE(config.qkv_bias);
  CHECK(config.gated_mlp);
  CHECK(config.eos_ids.empty());
  CHECK(parse(with(llama(), "head_dim", nullptr)).head_dim == 8);
  CHECK(parse(with(llama(), "head_dim", 10)).head_dim == 10);
}

TEST_CASE("biases: attention_bias is of all four projections; Qwen2 has q, k and v") {
  const ModelConfig biased = parse(with(llama(), "attention_bias", true));
  CHECK(biased.qkv_bias);
  CHECK(biased.output_bias);
  CHECK_FALSE(biased.mlp_bias);
  CHECK(parse(with(llama(), "mlp_bias", true)).mlp_bias);
  const ModelConfig qwen2 = parse(with(llama(), "model_type", "qwen2"));
  CHECK(qwen2.qkv_bias);
  CHECK_FALSE(qwen2.output_bias);
  const ModelConfig qwen3 = parse(with(llama(), "model_type", "qwen3"));
  CHECK_FALSE(qwen3.qkv_bias);
  CHECK(qwen3.query_key_norm);
  CHECK(qwen3.head_dim == 128);  // what transformers takes when the key is absent
}

TEST_CASE("GPT-2's configuration") {
  const ModelConfig config = parse(with(gpt2(), "n_inner", nullptr));
  CHECK(config.family == Family::gpt2);
  CHECK(config.intermediate == 128);
  CHECK(config.tied_head);
  CHECK(config.learned_positions);
  CHECK(config.norm == Norm::layer);
  CHECK(config.activation == Activation::gelu_tanh);
  CHECK(config.qkv_bias);
  CHECK_FALSE(config.gated_mlp);
  json old = with(gpt2(), "n_ctx", 32);
  old.erase("n_positions");
  CHECK(parse(old).context == 32);
  CHECK(parse(with(gpt2(), "n_inner", 50)).intermediate == 50);
}

TEST_CASE("rotary scaling is read from the old keys and from the new") {
  const json scaling = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 32}};
  json old = with(llama(), "rope_scaling", scaling);
  old["rope_theta"] = 500000;
  json recent = with(llama(), "rope_parameters", scaling);
  recent["rope_parameters"]["rope_theta"] = 500000.0;
  for (const json& object : {old, recent}) {
    const Rope rope = parse(object).rope;
    CHECK(rope.theta == 500000.0);
    CHECK(rope.scaling == RopeScaling::llama3);
    CHECK(rope.factor == 8.0);
    CHECK(rope.original_positions == 32);
  }
  const json linear = {{"type", "linear"}, {"factor", 2}};
  CHECK(parse(with(llama(), "rope_scaling", linear)).rope.scaling == RopeScaling::linear);
  const Rope yarn = parse(with(llama(), "rope_scaling", {{"type", "yarn"}, {"factor", 4.0}})).rope;
  CHECK(yarn.scaling == RopeScaling::yarn);
  CHECK(yarn.original_positions == 64);
  CHECK(yarn.attention_factor == 0.0);
}

TEST_CASE("beginning and end of text may be one id, several or none") {
  CHECK(parse(with(llama(), "eos_token_id", {7, 8})).eos_ids == std::vector<std::int32_t>{7, 8});
  CHECK(parse(with(llama(), "bos_token_id", 0)).bos_ids == std::vector<std::int32_t>{0});
  CHECK(parse(with(llama(), "bos_token_id", nullptr)).bos_ids.empty());
  CHECK(contains(refusal(with(llama(), "eos_token_id", -1)), "eos_token_id is not a token id"));
}

TEST_CASE("what would change results in silence is refused by name") {
  const std::pair<const char*, json> refused[] = {
      {"use_sliding_window", with(llama(), "use_sliding_window", true)},
      {"layer_types", with(llama(), "layer_types", {"full_attention", "sliding_attention"})},
      {"partial_rotary_factor", with(llama(), "partial_rotary_factor", 0.5)},
      {"rope_parameters.partial_rotary_factor",
       with(llama(), "rope_parameters", {{"partial_rotary_factor", 0.25}})},
      {"rope_parameters.full_attention is not supported",
       with(llama(), "rope_parameters", {{"full_attention", {{"rope_theta", 1.0}}}})},
      {"hidden_act", with(llama(), "hidden_act", "gelu")},
      {"activation_function", with(gpt2(), "activation_function", "gelu")},
      {"quantization_config", with(llama(), "quantization_config", {{"bits", 4}})},
      {"mixture of experts", with(llama(), "num_experts", 8)},
      {"scale_attn_by_inverse_layer_idx",
       with(gpt2(), "scale_attn_by_inverse_layer_idx", true)},
      {"scale_attn_weights", with(gpt2(), "scale_attn_weights", false)},
      {"rope_scaling.rope_type", with(llama(), "rope_scaling", {{"rope_type", "dynamic"}})},
      {"rope_scaling.truncate",
       with(llama(), "rope_scaling", {{"type", "yarn"}, {"factor", 2}, {"truncate", false}})},
  };
  for (const auto& one : refused) {
    CAPTURE(one.first);
    CHECK(contains(refusal(one.second), one.first));
    CHECK(contains(refusal(one.second), "[config.json]"));
  }
  CHECK(refusal(with(llama(), "sliding_window", 4096)).empty());  // not switched on
}

TEST_CASE("an unknown family is answered with the known ones") {
  const std::string message = refusal(with(llama(), "model_type", "qwen2_moe"));
  CHECK(contains(message, "one of llama, qwen2, qwen3, gpt2"));
  CHECK(contains(message, "qwen2_moe"));
}

TEST_CASE("missing and nonsensical sizes are named") {
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "max_position_embeddings"}) {
    CAPTURE(key);
    json missing = llama();
    missing.erase(key);
    CHECK(contains(refusal(missing), std::string(key) + " is missing"));
    for (const json& wrong : {json(0), json(-1), json(1.5), json("32"), json(true), json({1})}) {
      CHECK(contains(refusal(with(llama(), key, wrong)), key));
    }
    CHECK_FALSE(refusal(with(llama(), key, std::uint64_t{1} << 63)).empty());
  }
  CHECK(contains(refusal(with(llama(), "num_key_value_heads", 3)), "divisor of query_heads"));
  CHECK(contains(refusal(with(llama(), "num_attention_heads", 5)), "does not divide hidden_size"));
  CHECK(contains(refusal(with(llama(), "head_dim", 7)), "even number"));
  CHECK(contains(refusal(with(llama(), "rope_theta", 0)), "rope.theta"));
  CHECK(contains(refusal(with(llama(), "rope_scaling", {{"type", "linear"}, {"factor", 0.5}})),
                 "rope.factor"));
}

TEST_CASE("hostile text is refused before it costs anything") {
  CHECK(contains(refusal(std::string("")), "not valid JSON"));
  CHECK(contains(refusal(std::string("[1]")), "not a JSON object"));
  CHECK(contains(refusal(std::string(100000, '[')), "nests too deeply"));
  CHECK(contains(refusal(llama().dump().substr(0, 40)), "not valid JSON"));
  CHECK(contains(refusal(with(llama(), "num_hidden_layers", 1000000000)), "layers makes no sense"));
  json huge = llama();
  huge["num_hidden_layers"] = 4096;
  huge["num_attention_heads"] = 4096;
  huge["head_dim"] = 16384;
  huge["hidden_size"] = huge["intermediate_size"] = 1 << 20;
  CHECK(contains(refusal(huge), "number of parameters"));
}

TEST_CASE("the parameters of each family") {
  using rl::tests::tiny_config;
  CHECK(model_parameters(tiny_config(Family::llama)).size() == 2 + 2 * 9 + 1);
  CHECK(model_parameters(tiny_config(Family::qwen2)).size() == 2 + 2 * 12 + 1);
  CHECK(model_parameters(tiny_config(Family::qwen3)).size() == 2 + 2 * 11 + 1);
  CHECK(model_parameters(tiny_config(Family::gpt2)).size() == 3 + 2 * 16 + 2);
  ModelConfig tied = tiny_config(Family::llama);
  const std::size_t all = parameter_count(tied);
  tied.tied_head = true;
  CHECK(all - parameter_count(tied) == 11 * 8);
}

TEST_CASE("a scalar head takes the place of the head, tied or not, and is written and read") {
  for (const Family family : {Family::llama, Family::qwen2, Family::qwen3, Family::gpt2}) {
    ModelConfig config = rl::tests::tiny_config(family);
    const std::size_t all = parameter_count(config);
    config.scalar_head = true;
    CHECK(all - parameter_count(config) == 10 * 8);
    CHECK(model_parameters(config).back().name == "score.weight");
    const std::string written = model_config_json(config, rl::DType::f32);
    CHECK(contains(written, "ForSequenceClassification\""));
    CHECK(contains(written, "\"id2label\""));
    CHECK(parse_model_config(written, "written").scalar_head);
    config.tied_head = true;
    CHECK(all - parameter_count(config) == 10 * 8);
  }
}

TEST_CASE("a written configuration reads back as the same one") {
  for (const auto& entry : std::filesystem::directory_iterator(rl::tests::golden_model(""))) {
    CAPTURE(entry.path().filename().string());
    const std::string text = rl::tests::text_of(entry.path() / "config.json");
    const ModelConfig config = parse_model_config(text, "golden");
    const std::string written = model_config_json(config, rl::DType::bf16);
    const ModelConfig again = parse_model_config(written, "written");
    CHECK(model_config_json(again, rl::DType::bf16) == written);
    CHECK(again.rope.theta == config.rope.theta);
    CHECK(again.rope.scaling == config.rope.scaling);
    CHECK(again.rope.attention_factor == config.rope.attention_factor);
    CHECK(again.norm_epsilon == config.norm_epsilon);
    CHECK(parameter_count(again) == parameter_count(config));
    CHECK(contains(written, "\"bfloat16\""));
  }
}

TEST_SUITE_END();

}  // namespace
