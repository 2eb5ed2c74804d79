#include "rl/language/transformer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace rl::language {
namespace {

struct Linear {
  const void* weight = nullptr;
  DType dtype = DType::f32;
  const float* bias = nullptr;
};

struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
};

struct Layer {
  NormWeights attention_norm, mlp_norm;
  Linear query, key, value, output, gate, up, down;
  const float* query_norm = nullptr;
  const float* key_norm = nullptr;
};

float widened(const void* data, DType dtype, std::size_t index) {
  if (dtype == DType::f32) return static_cast<const float*>(data)[index];
  std::uint16_t half = 0;
  std::memcpy(&half, static_cast<const std::byte*>(data) + index * 2, 2);
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value = 0.0F;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Grows only: calls of different sizes follow each other.
float* room(std::vector<float>& scratch, std::size_t size) {
  if (scratch.size() < size) scratch.resize(size);
  return scratch.data();
}

}  // namespace

struct Transformer::Implementation {
  // One call: rows of all spans, end to end.
  struct Rows {
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> positions;
    std::vector<std::size_t> span_begin;  // first row of every span
  };

  ModelConfig config;
  Ops ops;
  RotaryTable rotary;
  ModelWeights weights;
  std::vector<std::vector<float>> vectors;  // norm weights and biases, always f32
  std::vector<Layer> layers;
  NormWeights final_norm;
  Linear embedding, head, positions;
  Rows rows;
  std::vector<float> hidden, normed, query, key, value, attended, gate, up;  // [rows, width]

  Implementation(const ModelConfig& model, std::size_t num_positions, Ops operations)
      : config(model), ops(operations), rotary(model, num_positions) {}

  std::size_t query_width() const { return config.query_heads * config.head_dim; }
  std::size_t key_width() const { return config.key_value_heads * config.head_dim; }

  // --- weights --------------------------------------------------------------------------------------

  const float* vector_of(const std::string& name) {
    const TensorView* tensor = weights.find(name);
    if (tensor == nullptr) return nullptr;
    return vectors.emplace_back(to_f32(*tensor)).data();
  }

  NormWeights norm_of(const std::string& name) {
    return {vector_of(name + ".weight"), vector_of(name + ".bias")};
  }

  Linear matrix_of(const std::string& name) const {
    const TensorView* tensor = weights.find(name);
    if (tensor == nullptr) return {};
    return {tensor->data.data(), tensor->dtype, nullptr};
  }

  Linear linear_of(const std::string& name) {
    Linear linear = matrix_of(name + ".weight");
    linear.bias = vector_of(name + ".bias");
    return linear;
  }

  Layer layer_of(std::size_t index) {
    const std::string prefix = "model.layers." + std::to_string(index) + ".";
    Layer layer;
    layer.attention_norm = norm_of(prefix + "input_layernorm");
    layer.query = linear_of(prefix + "self_attn.q_proj");
    layer.key = linear_of(prefix + "self_attn.k_proj");
    layer.value = linear_of(prefix + "self_attn.v_proj");
    layer.query_norm = vector_of(prefix + "self_attn.q_norm.weight");
    layer.key_norm = vector_of(prefix + "self_attn.k_norm.weight");
    layer.output = linear_of(prefix + "self_attn.o_proj");
    layer.mlp_norm = norm_of(prefix + "post_attention_layernorm");
    layer.gate = linear_of(prefix + "mlp.gate_proj");
    layer.up = linear_of(prefix + "mlp.up_proj");
    layer.down = linear_of(prefix + "mlp.down_proj");
    return layer;
  }

  void bind(ModelWeights new_weights) {
    weights = std::move(new_weights);
    vectors.clear();
    layers.clear();
    for (std::size_t index = 0; index < config.layers; ++index) layers.push_back(layer_of(index));
    final_norm = norm_of("model.norm");
    embedding = matrix_of("model.embed_tokens.weight");
    positions = matrix_of("model.embed_positions.weight");
    if (config.scalar_head) {
      head = linear_of("score");
    } else {
      head = config.tied_head ? embedding : linear_of("lm_head");
    }
  }

  // --- forward --------------------------------------------------------------------------------------

  void lay_out(std::span<const TokenSpan> spans) {
    rows.tokens.clear();
    rows.positions.clear();
    rows.span_begin.clear();
    for (const TokenSpan& span : spans) {
      rows.span_begin.push_back(rows.tokens.size());
      rows.tokens.insert(rows.tokens.end(), span.tokens.begin(), span.tokens.end());
      for (std::size_t i = 0; i < span.tokens.size(); ++i) {
        rows.positions.push_back(static_cast<std::int32_t>(span.first_position + i));
      }
    }
  }

  void embed() {
    const std::size_t width = config.hidden;
    float* x = room(hidden, rows.tokens.size() * width);
    for (std::size_t row = 0; row < rows.tokens.size(); ++row, x += width) {
      const std::size_t token = static_cast<std::size_t>(rows.tokens[row]) * width;
      for (std::size_t i = 0; i < width; ++i) {
        x[i] = widened(embedding.weight, embedding.dtype, token + i);
      }
      if (!config.learned_positions) continue;
      const std::size_t position = static_cast<std::size_t>(rows.positions[row]) * width;
      for (std::size_t i = 0; i < width; ++i) {
        x[i] += widened(positions.weight, positions.dtype, position + i);
      }
    }
  }

  void normalise(const NormWeights& norm, const float* x, std::size_t count, float* y) const {
    if (config.norm == Norm::rms) {
      ops.rms_norm(x, count, config.hidden, norm.weight, config.norm_epsilon, y);
    } else {
      ops.layer_norm(x, count, config.hidden, norm.weight, norm.bias, config.norm_epsilon, y);
    }
  }

  void multiply(const Linear& linear, const float* x, std::size_t count, std::size_t inner,
                std::size_t outputs, float* y) const {
    ops.matmul({.x = x, .x_stride = inner, .rows = count, .w = linear.weight,
                .w_dtype = linear.dtype, .w_stride = inner, .outputs = outputs, .inner = inner,
                .bias = linear.bias, .y = y, .y_stride = outputs});
  }

  // Queries, keys and values of every row, normalised and rotated as the model wants.
  void project(const Layer& layer) {
    const std::size_t count = rows.tokens.size();
    float* q = room(query, count * query_width());
    float* k = room(key, count * key_width());
    multiply(layer.query, normed.data(), count, config.hidden, query_width(), q);
    multiply(layer.key, normed.data(), count, config.hidden, key_width(), k);
    multiply(layer.value, normed.data(), count, config.hidden, key_width(),
             room(value, count * key_width()));
    if (config.query_key_norm) {
      ops.rms_norm(q, count * config.query_heads, config.head_dim, layer.query_norm,
                   config.norm_epsilon, q);
      ops.rms_norm(k, count * config.key_value_heads, config.head_dim, layer.key_norm,
                   config.norm_epsilon, k);
    }
    if (config.learned_positions) return;
    ops.rotate(q, count, config.query_heads, rotary, rows.positions.data());
    ops.rotate(k, count, config.key_value_heads, rotary, rows.positions.data());
  }

  void fill_cache(const TokenSpan& span, std::size_t first_row, std::size_t layer,
                  std::size_t page_size) const {
    const std::size_t width = key_width();
    for (std::size_t i = 0; i < span.tokens.size(); ++i) {
      const std::size_t position = span.first_position + i;
      const std::size_t page = position / page_size;
      const std::size_t offset = position % page_size * width;
      const std::size_t from = (first_row + i) * width;
      std::copy_n(key.data() + from, width, span.cache.key_pages[layer][page] + offset);
      std::copy_n(value.data() + from, width, span.cache.value_pages[layer][page] + offset);
    }
  }

  void attend(const Layer& layer, std::size_t index, std::span<const TokenSpan> spans,
              std::size_t page_size) {
    const std::size_t count = rows.tokens.size();
    normalise(layer.attention_norm, hidden.data(), count, room(normed, count * config.hidden));
    project(layer);
    std::vector<AttentionSpan> attention;
    for (std::size_t s = 0; s < spans.size(); ++s) {
      fill_cache(spans[s], rows.span_begin[s], index, page_size);
      attention.push_back({.first_row = rows.span_begin[s], .rows = spans[s].tokens.size(),
                           .first_position = spans[s].first_position,
                           .key_pages = spans[s].cache.key_pages[index],
                           .value_pages = spans[s].cache.value_pages[index]});
    }
    ops.attention({.q = query.data(), .out = room(attended, count * query_width()),
                   .query_heads = config.query_heads,
                   .key_value_heads = config.key_value_heads, .head_dim = config.head_dim,
                   .page_size = page_size, .scale = attention_scale(config), .spans = attention});
    multiply(layer.output, attended.data(), count, query_width(), config.hidden, normed.data());
    ops.add(hidden.data(), normed.data(), count * config.hidden, hidden.data());
  }

  void feed_forward(const Layer& layer) {
    const std::size_t count = rows.tokens.size();
    const std::size_t width = config.intermediate;
    normalise(layer.mlp_norm, hidden.data(), count, normed.data());
    float* inner = room(up, count * width);
    multiply(layer.up, normed.data(), count, config.hidden, width, inner);
    if (config.gated_mlp) {
      float* gates = room(gate, count * width);
      multiply(layer.gate, normed.data(), count, config.hidden, width, gates);
      ops.silu_multiply(gates, inner, count * width, inner);
    } else {
      ops.gelu_tanh(inner, count * width, inner);
    }
    multiply(layer.down, inner, count, width, config.hidden, normed.data());
    ops.add(hidden.data(), normed.data(), count * config.hidden, hidden.data());
  }

  void score(std::span<const std::size_t> wanted, float* logits) {
    float* x = room(normed, wanted.size() * config.hidden);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const float* row = hidden.data() + wanted[i] * config.hidden;
      std::copy_n(row, config.hidden, x + i * config.hidden);
    }
    normalise(final_norm, x, wanted.size(), x);
    const std::size_t outputs = config.scalar_head ? 1 : config.vocabulary;
    multiply(head, x, wanted.size(), config.hidden, outputs, logits);
  }
};

float attention_scale(const ModelConfig& config) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)));
}

Transformer::Transformer(const ModelConfig& config, const ModelWeights& weights,
                         std::size_t positions, Ops ops)
    : implementation_(std::make_unique<Implementation>(config, positions, ops)) {
  set_weights(weights);
}

Transformer::~Transformer() = default;

void Transformer::set_weights(const ModelWeights& weights) {
  ModelWeights checked = weights.checked(implementation_->config, "Transformer");
  for (const TensorView& tensor : weights.tensors()) {
    if (tensor.dtype == DType::f16) {
      checked = checked.as(DType::f32);
      break;
    }
  }
  implementation_->bind(std::move(checked));
}

void Transformer::forward(std::span<const TokenSpan> spans, std::size_t page_size,
                          std::span<const std::size_t> wanted_rows, float* logits) {
  Implementation& model = *implementation_;
  model.lay_out(spans);
  model.embed();
  for (std::size_t index = 0; index < model.layers.size(); ++index) {
    model.attend(model.layers[index], index, spans, page_size);
    model.feed_forward(model.layers[index]);
  }
  model.score(wanted_rows, logits);
}

const ModelConfig& Transformer::config() const { return implementation_->config; }
const Ops& Transformer::ops() const { return implementation_->ops; }

}  // namespace rl::language
