#include "src/models/language/transformer_layers.h"

#include <array>

#include "rl/language/transformer.h"
#include "src/models/language/recorded.h"
#include "src/models/language/shared_rows.h"

namespace rl::lm {
namespace {

// Everything that a layer needs besides its input.
struct Pass {
  const Functions& functions;
  const Network& network;
  std::shared_ptr<const Batch> batch;
  bool bf16_autocast;
};

at::Tensor attend(const Pass& pass, const Layer& layer, const at::Tensor& x) {
  const Functions& functions = pass.functions;
  const language::ModelConfig& config = pass.network.config;
  const std::int64_t rows = x.size(0);
  const auto split = [&](const at::Tensor& y, std::size_t heads) {
    return y.view({rows, static_cast<std::int64_t>(heads),
                   static_cast<std::int64_t>(config.head_dim)});
  };
  const at::Tensor normed = functions.normalise(x, layer.attention_norm);
  const auto projected =
      functions.project(normed, std::array{&layer.query, &layer.key, &layer.value});
  at::Tensor query = split(projected[0], config.query_heads);
  at::Tensor key = split(projected[1], config.key_value_heads);
  const at::Tensor value = split(projected[2], config.key_value_heads);
  if (config.query_key_norm) {
    query = functions.normalise(query, layer.query_norm);
    key = functions.normalise(key, layer.key_norm);
  }
  if (!config.learned_positions) {
    query = functions.rotate(query, pass.batch);
    key = functions.rotate(key, pass.batch);
  }
  const at::Tensor attended =
      functions.attend(query, key, value, pass.batch, language::attention_scale(config));
  return functions.project(attended.reshape({rows, -1}), std::array{&layer.output})[0];
}

at::Tensor feed_forward(const Pass& pass, const Layer& layer, const at::Tensor& x) {
  const Functions& functions = pass.functions;
  const at::Tensor normed = functions.normalise(x, layer.mlp_norm);
  at::Tensor inner;
  if (pass.network.config.gated_mlp) {
    const auto projected = functions.project(normed, std::array{&layer.gate, &layer.up});
    inner = functions.silu_multiply(projected[0], projected[1]);
  } else {
    inner = functions.gelu(functions.project(normed, std::array{&layer.up})[0]);
  }
  return functions.project(inner, std::array{&layer.down})[0];
}

at::Tensor layer_forward(const Pass& pass, const Layer& layer, const at::Tensor& x) {
  const Autocast autocast(pass.bf16_autocast);
  const at::Tensor y = pass.functions.add(x, attend(pass, layer, x));
  return pass.functions.add(y, feed_forward(pass, layer, y));
}

}  // namespace

at::Tensor forward_hidden(const Functions& functions, const Network& network,
                          const std::shared_ptr<const Batch>& batch,
                          const ForwardOptions& options) {
  const Pass pass{functions, network, batch, options.bf16_autocast};
  at::Tensor x = functions.embed(network, *batch);
  for (const Layer& layer : network.layers) {
    if (options.activation_checkpointing && needs_graph({x})) {
      x = recompute_in_backward(
          x, [pass, &layer](const at::Tensor& input) { return layer_forward(pass, layer, input); });
    } else {
      x = layer_forward(pass, layer, x);
    }
  }
  return recorded_spread(functions.normalise(x, network.final_norm), batch);
}

}  // namespace rl::lm
