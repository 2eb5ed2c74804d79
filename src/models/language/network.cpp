#include "src/models/language/network.h"

namespace rl::lm {
namespace {

NormWeights norm_of(const language::ModelConfig& config, const TensorSource& source,
                    const std::string& name) {
  NormWeights norm{.weight = source.weight(name + ".weight"),
                   .bias = {},
                   .centred = config.norm == language::Norm::layer,
                   .epsilon = static_cast<double>(config.norm_epsilon)};
  if (norm.centred) norm.bias = source.weight(name + ".bias");
  return norm;
}

NormWeights head_norm_of(const language::ModelConfig& config, const TensorSource& source,
                         const std::string& name) {
  return {.weight = source.weight(name + ".weight"), .bias = {}, .centred = false,
          .epsilon = static_cast<double>(config.norm_epsilon)};
}

Linear linear_of(const TensorSource& source, const std::string& name, bool with_bias) {
  Linear linear{.weight = source.weight(name + ".weight"), .bias = {},
                .adapter = source.adapter(name)};
  if (with_bias) linear.bias = source.weight(name + ".bias");
  return linear;
}

Layer layer_of(const language::ModelConfig& config, const TensorSource& source,
               std::size_t index) {
  const std::string prefix = "model.layers." + std::to_string(index) + ".";
  const std::string attention = prefix + "self_attn.";
  const std::string mlp = prefix + "mlp.";
  Layer layer;
  layer.attention_norm = norm_of(config, source, prefix + "input_layernorm");
  layer.query = linear_of(source, attention + "q_proj", config.qkv_bias);
  layer.key = linear_of(source, attention + "k_proj", config.qkv_bias);
  layer.value = linear_of(source, attention + "v_proj", config.qkv_bias);
  if (config.query_key_norm) {
    layer.query_norm = head_norm_of(config, source, attention + "q_norm");
    layer.key_norm = head_norm_of(config, source, attention + "k_norm");
  }
  layer.output = linear_of(source, attention + "o_proj", config.output_bias);
  layer.mlp_norm = norm_of(config, source, prefix + "post_attention_layernorm");
  if (config.gated_mlp) layer.gate = linear_of(source, mlp + "gate_proj", config.mlp_bias);
  layer.up = linear_of(source, mlp + "up_proj", config.mlp_bias);
  layer.down = linear_of(source, mlp + "down_proj", config.mlp_bias);
  return layer;
}

}  // namespace

Network make_network(const language::ModelConfig& config, const TensorSource& source) {
  Network network;
  network.config = config;
  network.embedding = source.weight("model.embed_tokens.weight");
  if (config.learned_positions) {
    network.positions = source.weight("model.embed_positions.weight");
  }
  for (std::size_t index = 0; index < config.layers; ++index) {
    network.layers.push_back(layer_of(config, source, index));
  }
  network.final_norm = norm_of(config, source, "model.norm");
  if (config.scalar_head) {
    network.head = source.weight("score.weight");
  } else {
    network.head = config.tied_head ? network.embedding : source.weight("lm_head.weight");
  }
  return network;
}

}  // namespace rl::lm
