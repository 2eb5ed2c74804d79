#include "src/models/language/functions.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include <functional>

#include "models/language/tiny_models.h"
#include "src/models/language/packing.h"

using namespace rl;
using namespace rl::lm;
using namespace rl::testing;

namespace {

using Tensors = std::vector<at::Tensor>;

// A function of some tensors (inputs first, weights behind), by either form of the operations.
struct Case {
  const char* name;
  std::vector<std::vector<std::int64_t>> inputs;
  std::vector<std::vector<std::int64_t>> weights;
  std::function<at::Tensor(const Functions&, const Tensors& inputs, const std::vector<Weight>&)>
      apply;
};

std::shared_ptr<const Batch> batch_of(const std::vector<std::int64_t>& lengths,
                                      std::size_t head_dim) {
  language::ModelConfig config = tiny_llama();
  config.head_dim = head_dim;
  const PackedTokens packed = packed_tokens(lengths, config.vocabulary, 1);
  return Packer(config, at::kCPU, /*plain=*/true).pack(packed);
}

NormWeights norm_of(const std::vector<Weight>& w) {
  return {.weight = w[0], .bias = w.size() > 1 ? w[1] : Weight{}, .centred = w.size() > 1,
          .epsilon = 1e-5};
}

std::vector<Case> cases() {
  const auto mixed = batch_of({5, 1, 9}, 6);
  const auto even = batch_of({5, 5, 5}, 6);
  const auto attend = [](const std::shared_ptr<const Batch>& batch) {
    return [batch](const Functions& f, const Tensors& x, const std::vector<Weight>&) {
      return f.attend(x[0], x[1], x[2], batch, 0.4F);
    };
  };
  return {
      {"RMSNorm", {{15, 21}}, {{21}},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>& w) {
         return f.normalise(x[0], norm_of(w));
       }},
      {"LayerNorm", {{15, 35}}, {{35}, {35}},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>& w) {
         return f.normalise(x[0], norm_of(w));
       }},
      {"projections that share an input", {{15, 7}}, {{5, 7}, {5}, {5, 7}},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>& w) {
         // Outlives the graph, as a network's layers do.
         auto linears = std::make_shared<std::vector<Linear>>();
         linears->push_back({.weight = w[0], .bias = w[1]});
         linears->push_back({.weight = w[2], .bias = {}});
         const std::vector<const Linear*> both{&(*linears)[0], &(*linears)[1]};
         const auto y = f.project(x[0], both);
         static std::vector<std::shared_ptr<std::vector<Linear>>> kept;
         kept.push_back(linears);
         return y[0] * y[1];
       }},
      {"rotation", {{15, 4, 6}}, {},
       [mixed](const Functions& f, const Tensors& x, const std::vector<Weight>&) {
         return f.rotate(x[0], mixed);
       }},
      {"attention", {{15, 4, 6}, {15, 4, 6}, {15, 4, 6}}, {}, attend(mixed)},
      {"attention of equal lengths", {{15, 4, 6}, {15, 4, 6}, {15, 4, 6}}, {}, attend(even)},
      {"attention in groups of heads", {{15, 4, 6}, {15, 2, 6}, {15, 2, 6}}, {}, attend(mixed)},
      {"attention to one head", {{15, 4, 6}, {15, 1, 6}, {15, 1, 6}}, {}, attend(even)},
      {"gated unit", {{15, 19}, {15, 19}}, {},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>&) {
         return f.silu_multiply(x[0] * 6.0, x[1]);
       }},
      {"gelu", {{15, 19}}, {},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>&) {
         return f.gelu(x[0] * 4.0);
       }},
      {"sum", {{15, 19}, {15, 19}}, {},
       [](const Functions& f, const Tensors& x, const std::vector<Weight>&) {
         return f.add(x[0], x[1]);
       }},
  };
}

struct Evaluation {
  at::Tensor value;
  Tensors gradients;  // by inputs, then weights
};

// Leaves of one type with reproducible values.
Tensors leaves_of(const Case& c, at::ScalarType type) {
  Tensors leaves;
  for (const auto* shapes : {&c.inputs, &c.weights}) {
    for (const auto& shape : *shapes) {
      const at::Tensor leaf = at::empty(shape, type);
      fill_random(leaf, 100 + leaves.size());
      leaves.push_back(leaf);
    }
  }
  return leaves;
}

// `direct`: gradients of weights are written by the function rather than through the graph.
Evaluation evaluate(const Case& c, const Functions& functions, const Tensors& leaves, bool direct) {
  Tensors inputs;
  std::vector<Weight> weights;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    at::Tensor leaf = leaves[i].detach().clone();
    if (i < c.inputs.size()) {
      inputs.push_back(leaf.requires_grad_());
    } else {
      const at::Tensor gradient = at::zeros(leaf.sizes(), leaf.options());
      if (!direct) {
        leaf.requires_grad_();
        leaf.mutable_grad() = gradient;
      }
      weights.push_back({leaf, gradient});
    }
  }
  Evaluation result{c.apply(functions, inputs, weights), {}};
  const at::Tensor direction = at::empty(result.value.sizes(), result.value.options());
  fill_random(direction, 99);
  torch::autograd::backward({result.value}, {direction});
  for (const at::Tensor& input : inputs) result.gradients.push_back(input.grad());
  for (const Weight& weight : weights) result.gradients.push_back(weight.gradient);
  return result;
}

double scalar(const Case& c, const Functions& functions, const Tensors& leaves) {
  Tensors inputs(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(c.inputs.size()));
  std::vector<Weight> weights;
  for (std::size_t i = c.inputs.size(); i < leaves.size(); ++i) weights.push_back({leaves[i], {}});
  const at::Tensor value = c.apply(functions, inputs, weights);
  const at::Tensor direction = at::empty(value.sizes(), value.options());
  fill_random(direction, 99);
  return (value * direction).sum().item<double>();
}

}  // namespace

TEST_SUITE("LanguageModel: functions") {
  TEST_CASE("gradients of LibTorch's form are finite differences, in f64") {
    constexpr double kStep = 1e-5;
    const auto plain = plain_functions();
    for (const Case& c : cases()) {
      CAPTURE(c.name);
      const Tensors leaves = leaves_of(c, at::kDouble);
      const Evaluation automatic = evaluate(c, *plain, leaves, /*direct=*/false);
      for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
        double* values = leaves[leaf].mutable_data_ptr<double>();
        for (std::int64_t i = 0; i < leaves[leaf].numel(); i += 3) {
          const double kept = values[i];
          values[i] = kept + kStep;
          const double above = scalar(c, *plain, leaves);
          values[i] = kept - kStep;
          const double below = scalar(c, *plain, leaves);
          values[i] = kept;
          const double slope = (above - below) / (2.0 * kStep);
          const double gradient = automatic.gradients[leaf].flatten()[i].item<double>();
          CHECK(gradient == doctest::Approx(slope).epsilon(1e-6).scale(1.0));
        }
      }
    }
  }

  TEST_CASE("values and gradients of the kernels' form are those of LibTorch's in f64") {
    language::ThreadTeam team(2);
    const language::Ops ops(team);
    const auto plain = plain_functions();
    const auto exact = exact_functions(ops);
    for (const Case& c : cases()) {
      CAPTURE(c.name);
      const Tensors leaves = leaves_of(c, at::kFloat);
      Tensors wide;
      for (const at::Tensor& leaf : leaves) wide.push_back(leaf.to(at::kDouble));
      const Evaluation expected = evaluate(c, *plain, wide, /*direct=*/false);
      const Evaluation actual = evaluate(c, *exact, leaves, /*direct=*/true);
      CHECK((actual.value - expected.value).abs().max().item<double>() < 1e-5);
      REQUIRE(actual.gradients.size() == expected.gradients.size());
      for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
        CAPTURE(i);
        CHECK((actual.gradients[i] - expected.gradients[i]).abs().max().item<double>() < 2e-5);
      }
    }
  }
}
