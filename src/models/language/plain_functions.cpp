#include "src/models/language/plain_functions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

namespace rl::lm {
namespace {

// f32 for bf16, which autocast hands over; wider types stay.
at::Tensor widened(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x;
}

}  // namespace

at::Tensor PlainFunctions::embed(const Network& network, const Batch& batch) const {
  const at::Tensor rows = at::embedding(network.embedding.value, batch.tokens);
  if (!network.positions.value.defined()) return rows;
  return rows + at::embedding(network.positions.value, batch.positions);
}

at::Tensor PlainFunctions::normalise(const at::Tensor& x, const NormWeights& norm) const {
  const at::Tensor wide = widened(x);
  if (norm.centred) {
    return at::layer_norm(wide, {x.size(-1)}, norm.weight.value, norm.bias.value, norm.epsilon);
  }
  const at::Tensor square = (wide * wide).mean(-1, /*keepdim=*/true);
  return wide * at::rsqrt(square + norm.epsilon) * norm.weight.value;
}

std::vector<at::Tensor> PlainFunctions::project(const at::Tensor& x,
                                                std::span<const Linear* const> linears) const {
  std::vector<at::Tensor> outputs;
  for (const Linear* linear : linears) {
    at::Tensor y = at::linear(x, linear->weight.value, linear->bias.value);
    if (const Adapter& adapter = linear->adapter; adapter.scale != 0.0) {
      const at::Tensor inner = at::linear(x, adapter.a.value);
      y = y + at::linear(inner, adapter.b.value) * adapter.scale;
    }
    outputs.push_back(std::move(y));
  }
  return outputs;
}

at::Tensor PlainFunctions::rotate(const at::Tensor& heads,
                                  const std::shared_ptr<const Batch>& batch) const {
  const at::Tensor cos = batch->cos.unsqueeze(1);
  const at::Tensor sin = batch->sin.unsqueeze(1);
  const std::vector<at::Tensor> halves = heads.chunk(2, -1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

at::Tensor PlainFunctions::attend(const at::Tensor& query, const at::Tensor& key,
                                  const at::Tensor& value,
                                  const std::shared_ptr<const Batch>& batch, float scale) const {
  std::vector<at::Tensor> results;
  for (std::size_t s = 0; s < batch->lengths.size(); ++s) {
    const auto heads = [&](const at::Tensor& rows) {
      return rows.narrow(0, batch->starts[s], batch->lengths[s]).transpose(0, 1).unsqueeze(0);
    };
    const at::Tensor out = at::scaled_dot_product_attention(
        heads(query), heads(key), heads(value), {}, /*dropout_p=*/0.0, /*is_causal=*/true,
        static_cast<double>(scale), /*enable_gqa=*/query.size(1) != key.size(1));
    results.push_back(out.squeeze(0).transpose(0, 1));
  }
  return at::cat(results, 0);
}

at::Tensor PlainFunctions::silu_multiply(const at::Tensor& gate, const at::Tensor& up) const {
  return at::silu(gate) * up;
}
at::Tensor PlainFunctions::gelu(const at::Tensor& x) const { return at::gelu(x, "tanh"); }
at::Tensor PlainFunctions::add(const at::Tensor& a, const at::Tensor& b) const { return a + b; }

TokenLogProbs PlainFunctions::score(const at::Tensor& hidden, const at::Tensor& targets,
                                    const Weight& head, float inverse_temperature,
                                    std::int64_t chunk_rows) const {
  return plain_score(hidden, targets, head, inverse_temperature, chunk_rows);
}

std::unique_ptr<Functions> plain_functions() { return std::make_unique<PlainFunctions>(); }

}  // namespace rl::lm
