#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <cstring>

#include "src/models/language/functions.h"
#include "src/models/language/products.h"
#include "src/models/language/recorded.h"
#include "src/models/language/row_gradients.h"

namespace rl::lm {
namespace {

const float* read(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}
float* write(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
std::size_t size(std::int64_t extent) { return static_cast<std::size_t>(extent); }

// With an adapter w = frozen + scale b a, hence d a = scale b^T (g^T x) and d b = scale (g^T x) a^T.
void add_adapter_gradients(const language::Ops& ops, const Adapter& adapter, const at::Tensor& g,
                           const at::Tensor& x) {
  const at::Tensor inner = at::empty({x.size(0), adapter.a.value.size(0)}, x.options());
  multiply(ops, x, adapter.a.value, {}, inner);
  add_transposed_product(ops, g, inner.mul_(adapter.scale), adapter.b.gradient);
  const at::Tensor outer = at::empty_like(inner);
  add_product(ops, g, adapter.b.value, outer, /*from_zero=*/true);
  add_transposed_product(ops, outer.mul_(adapter.scale), x, adapter.a.gradient);
}

// Adds the gradients of the matrix, the bias and the adapter of y = x w^T + bias.
void add_weight_gradients(const language::Ops& ops, const Linear& linear, const at::Tensor& g,
                          const at::Tensor& x) {
  if (linear.weight.gradient.defined()) add_transposed_product(ops, g, x, linear.weight.gradient);
  if (linear.bias.gradient.defined()) add_rows_up(g, linear.bias.gradient);
  if (linear.adapter.scale != 0.0) add_adapter_gradients(ops, linear.adapter, g, x);
}

class ExactFunctions final : public Functions {
 public:
  explicit ExactFunctions(const language::Ops& ops)
      : ops_(ops), anchor_(at::zeros({1}).requires_grad_()) {}

  // Copies rows; learned positions are added as the transformer adds them.
  at::Tensor embed(const Network& network, const Batch& batch) const override {
    const std::int64_t width = network.embedding.value.size(1);
    at::Tensor y = at::empty({batch.num_rows(), width}, network.embedding.value.options());
    const float* table = read(network.embedding.value);
    const float* positions = read(network.positions.value);
    float* to = write(y);
    for (std::size_t n = 0; n < batch.token_list.size(); ++n, to += width) {
      std::memcpy(to, table + batch.token_list[n] * width, size(width) * sizeof(float));
      if (positions == nullptr) continue;
      const float* position = positions + batch.position_list[n] * width;
      for (std::int64_t i = 0; i < width; ++i) to[i] += position[i];
    }
    // The anchor learns nothing: it makes the graph reach down to here.
    record({anchor_}, {y},
           [embedding = network.embedding.gradient, position = network.positions.gradient,
            tokens = batch.token_list, places = batch.position_list](const Tensors& g) {
      if (embedding.defined()) add_rows(embedding, tokens, g[0]);
      if (position.defined()) add_rows(position, {places.begin(), places.end()}, g[0]);
      return Tensors{at::Tensor()};
    });
    return y;
  }

  at::Tensor normalise(const at::Tensor& x, const NormWeights& norm) const override {
    at::Tensor y = at::empty_like(x);
    const std::size_t width = size(x.size(-1));
    const std::size_t rows = size(x.numel()) / width;
    const float epsilon = static_cast<float>(norm.epsilon);
    if (norm.centred) {
      ops_.layer_norm(read(x), rows, width, read(norm.weight.value), read(norm.bias.value), epsilon,
                      write(y));
    } else {
      ops_.rms_norm(read(x), rows, width, read(norm.weight.value), epsilon, write(y));
    }
    record({x}, {y}, [&ops = ops_, norm, input = x.detach()](const Tensors& g) {
      return Tensors{norm_gradient(ops.team(), g[0], input, norm)};
    });
    return y;
  }

  std::vector<at::Tensor> project(const at::Tensor& x,
                                  std::span<const Linear* const> linears) const override {
    Tensors outputs;
    for (const Linear* linear : linears) {
      outputs.push_back(at::empty({x.size(0), linear->weight.value.size(0)}, x.options()));
      multiply(ops_, x, linear->weight.value, linear->bias.value, outputs.back());
    }
    record({x}, outputs,
           [&ops = ops_, input = x.detach(), all = std::vector(linears.begin(), linears.end())](
               const Tensors& gradients) {
      const at::Tensor input_gradient = at::empty_like(input);
      bool first = true;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!gradients[i].defined()) continue;
        const at::Tensor g = gradients[i].contiguous();
        add_weight_gradients(ops, *all[i], g, input);
        add_product(ops, g, all[i]->weight.value, input_gradient, /*from_zero=*/first);
        first = false;
      }
      return Tensors{input_gradient};
    });
    return outputs;
  }

  at::Tensor rotate(const at::Tensor& heads,
                    const std::shared_ptr<const Batch>& batch) const override {
    at::Tensor y = at::empty_like(heads);
    std::memcpy(write(y), read(heads), heads.nbytes());
    ops_.rotate(write(y), size(heads.size(0)), size(heads.size(1)), *batch->rotary,
                batch->position_list.data());
    record({heads}, {y},
           [&ops = ops_, batch](const Tensors& g) {
      return Tensors{rotation_gradient(ops.team(), g[0], *batch)};
    });
    return y;
  }

  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const std::shared_ptr<const Batch>& batch, float scale) const override {
    return exact_attention(ops_, query, key, value, batch, scale);
  }

  at::Tensor silu_multiply(const at::Tensor& gate, const at::Tensor& up) const override {
    at::Tensor y = at::empty_like(gate);
    ops_.silu_multiply(read(gate), read(up), size(gate.numel()), write(y));
    record({gate, up}, {y},
           [&ops = ops_, g = gate.detach(), u = up.detach()](const Tensors& gradients) {
      auto [gate_gradient, up_gradient] =
          silu_multiply_gradient(ops.team(), gradients[0], g, u);
      return Tensors{gate_gradient, up_gradient};
    });
    return y;
  }

  at::Tensor gelu(const at::Tensor& x) const override {
    at::Tensor y = at::empty_like(x);
    ops_.gelu_tanh(read(x), size(x.numel()), write(y));
    record({x}, {y}, [&ops = ops_, input = x.detach()](const Tensors& g) {
      return Tensors{gelu_gradient(ops.team(), g[0], input)};
    });
    return y;
  }

  at::Tensor add(const at::Tensor& a, const at::Tensor& b) const override {
    at::Tensor y = at::empty_like(a);
    ops_.add(read(a), read(b), size(a.numel()), write(y));
    record({a, b}, {y}, [](const Tensors& g) { return Tensors{g[0], g[0]}; });
    return y;
  }

  TokenLogProbs score(const at::Tensor& hidden, const at::Tensor& targets, const Weight& head,
                      float inverse_temperature, std::int64_t chunk_rows) const override {
    return exact_score(ops_, hidden, targets, head, inverse_temperature, chunk_rows);
  }

 private:
  const language::Ops& ops_;
  at::Tensor anchor_;
};

}  // namespace

std::unique_ptr<Functions> exact_functions(const language::Ops& ops) {
  return std::make_unique<ExactFunctions>(ops);
}

}  // namespace rl::lm
