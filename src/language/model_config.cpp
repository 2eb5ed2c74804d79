#include "rl/language/model_config.h"

#include <string>

#include "rl/core/error.h"

namespace rl::language {
namespace {

[[noreturn]] void fail(const std::string& field, const std::string& expected, double got) {
  std::string shown = std::to_string(got);
  shown.erase(shown.find_last_not_of('0') + 1);
  if (shown.ends_with('.')) shown.pop_back();
  throw Error({.where = "ModelConfig",
               .what = field + " makes no sense",
               .expected = expected,
               .got = shown,
               .remedy = "check the model's config.json"});
}

// Far above any model there is; keeps every product below 2^63.
struct Limit {
  const char* field;
  std::size_t ModelConfig::*value;
  std::size_t most;
};
constexpr Limit kLimits[] = {
    {"vocabulary", &ModelConfig::vocabulary, (std::size_t{1} << 31) - 1},  // ids are 32 bits wide
    {"hidden", &ModelConfig::hidden, std::size_t{1} << 20},
    {"layers", &ModelConfig::layers, std::size_t{1} << 12},
    {"query_heads", &ModelConfig::query_heads, std::size_t{1} << 12},
    {"key_value_heads", &ModelConfig::key_value_heads, std::size_t{1} << 12},
    {"head_dim", &ModelConfig::head_dim, std::size_t{1} << 14},
    {"intermediate", &ModelConfig::intermediate, std::size_t{1} << 22},
    {"context", &ModelConfig::context, (std::size_t{1} << 31) - 1},
};

void validate_rope(const ModelConfig& config) {
  const Rope& rope = config.rope;
  if (config.head_dim % 2 != 0) {
    fail("head_dim", "an even number, since halves rotate", static_cast<double>(config.head_dim));
  }
  if (!(rope.theta > 0.0) || rope.theta > 1e30) fail("rope.theta", "a positive number", rope.theta);
  if (rope.scaling == RopeScaling::none) return;
  if (!(rope.factor >= 1.0) || rope.factor > 1e6) {
    fail("rope.factor", "a number from 1 to 1000000", rope.factor);
  }
  if (rope.scaling == RopeScaling::linear) return;
  if (rope.original_positions == 0 || rope.original_positions > (std::size_t{1} << 31)) {
    fail("rope.original_positions", "a number from 1 to 2^31",
         static_cast<double>(rope.original_positions));
  }
  if (rope.scaling == RopeScaling::llama3) {
    if (!(rope.low_frequency_factor > 0.0) ||
        !(rope.high_frequency_factor > rope.low_frequency_factor)) {
      fail("rope.high_frequency_factor", "more than the low factor, both positive",
           rope.high_frequency_factor);
    }
    return;
  }
  if (!(rope.beta_slow > 0.0) || !(rope.beta_fast > rope.beta_slow)) {
    fail("rope.beta_fast", "more than beta_slow, both positive", rope.beta_fast);
  }
  if (!(rope.attention_factor >= 0.0) || rope.attention_factor > 1e6) {
    fail("rope.attention_factor", "a positive number, or 0 for the default",
         rope.attention_factor);
  }
}

using Rows = std::vector<ParameterSpec>;

std::int64_t extent(std::size_t size) { return static_cast<std::int64_t>(size); }

void add_norm(Rows& rows, const ModelConfig& config, const std::string& name) {
  rows.push_back({name + ".weight", {extent(config.hidden)}});
  if (config.norm == Norm::layer) rows.push_back({name + ".bias", {extent(config.hidden)}});
}

void add_linear(Rows& rows, const std::string& name, std::size_t out, std::size_t in, bool bias) {
  rows.push_back({name + ".weight", {extent(out), extent(in)}});
  if (bias) rows.push_back({name + ".bias", {extent(out)}});
}

void add_layer(Rows& rows, const ModelConfig& config, const std::string& layer) {
  const std::size_t query = config.query_heads * config.head_dim;
  const std::size_t key_value = config.key_value_heads * config.head_dim;
  add_norm(rows, config, layer + "input_layernorm");
  add_linear(rows, layer + "self_attn.q_proj", query, config.hidden, config.qkv_bias);
  add_linear(rows, layer + "self_attn.k_proj", key_value, config.hidden, config.qkv_bias);
  add_linear(rows, layer + "self_attn.v_proj", key_value, config.hidden, config.qkv_bias);
  if (config.query_key_norm) {
    rows.push_back({layer + "self_attn.q_norm.weight", {extent(config.head_dim)}});
    rows.push_back({layer + "self_attn.k_norm.weight", {extent(config.head_dim)}});
  }
  add_linear(rows, layer + "self_attn.o_proj", config.hidden, query, config.output_bias);
  add_norm(rows, config, layer + "post_attention_layernorm");
  if (config.gated_mlp) {
    add_linear(rows, layer + "mlp.gate_proj", config.intermediate, config.hidden, config.mlp_bias);
  }
  add_linear(rows, layer + "mlp.up_proj", config.intermediate, config.hidden, config.mlp_bias);
  add_linear(rows, layer + "mlp.down_proj", config.hidden, config.intermediate, config.mlp_bias);
}

}  // namespace

void validate(const ModelConfig& config) {
  for (const Limit& limit : kLimits) {
    const std::size_t value = config.*limit.value;
    if (value >= 1 && value <= limit.most) continue;
    fail(limit.field, "a whole number from 1 to " + std::to_string(limit.most),
         static_cast<double>(value));
  }
  if (config.query_heads % config.key_value_heads != 0) {
    fail("key_value_heads", "a divisor of query_heads, " + std::to_string(config.query_heads),
         static_cast<double>(config.key_value_heads));
  }
  if (!(config.norm_epsilon >= 0.0F) || config.norm_epsilon > 1.0F) {
    fail("norm_epsilon", "a number from 0 to 1", static_cast<double>(config.norm_epsilon));
  }
  if (!config.learned_positions) validate_rope(config);
  parameter_count(config);
}

void require_language_head(const ModelConfig& config, std::string_view where) {
  if (!config.scalar_head) return;
  throw Error({.where = std::string(where),
               .what = "the model scores texts and cannot write any",
               .expected = "a language model, as LlamaForCausalLM",
               .got = "one with a scalar head, as LlamaForSequenceClassification",
               .remedy = "name the language model here; this one can be a reward model or a critic"});
}

std::vector<ParameterSpec> model_parameters(const ModelConfig& config) {
  Rows rows;
  const auto table = [&](const char* name, std::size_t count) {
    rows.push_back({name, {extent(count), extent(config.hidden)}});
  };
  table("model.embed_tokens.weight", config.vocabulary);
  if (config.learned_positions) table("model.embed_positions.weight", config.context);
  for (std::size_t i = 0; i < config.layers; ++i) {
    add_layer(rows, config, "model.layers." + std::to_string(i) + ".");
  }
  add_norm(rows, config, "model.norm");
  if (config.scalar_head) {
    add_linear(rows, "score", 1, config.hidden, /*bias=*/false);
  } else if (!config.tied_head) {
    table("lm_head.weight", config.vocabulary);
  }
  return rows;
}

std::size_t parameter_count(const ModelConfig& config) {
  constexpr std::size_t kMost = std::size_t{1} << 60;  // so that bytes of f64 still fit 63 bits
  std::size_t total = 0;
  for (const ParameterSpec& parameter : model_parameters(config)) {
    std::size_t elements = 1;
    for (const std::int64_t size : parameter.shape) {
      if (__builtin_mul_overflow(elements, static_cast<std::size_t>(size), &elements)) {
        elements = kMost;
      }
    }
    if (elements >= kMost || total + elements >= kMost) {
      fail("the number of parameters", "less than 2^60", static_cast<double>(elements));
    }
    total += elements;
  }
  return total;
}

}  // namespace rl::language
