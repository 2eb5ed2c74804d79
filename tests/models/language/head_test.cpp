#include "rl/models/language_model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include "models/language/tiny_models.h"
#include "rl/core/error.h"
#include "src/models/language/functions.h"

using namespace rl;
using namespace rl::testing;

namespace {

struct Result {
  at::Tensor log_probs, entropy, hidden_gradient, head_gradient;
};

// The gradients of sum(weights * log_probs).
Result score(const lm::Functions& functions, bool direct, const at::Tensor& hidden_values,
             const at::Tensor& head_values, const at::Tensor& targets, const at::Tensor& weights,
             float inverse_temperature, std::int64_t chunk) {
  const at::Tensor hidden = hidden_values.clone().requires_grad_();
  lm::Weight head{head_values.clone(), at::zeros(head_values.sizes(), head_values.options())};
  if (!direct) {
    head.value.requires_grad_();
    head.value.mutable_grad() = head.gradient;
  }
  const TokenLogProbs result = functions.score(hidden, targets, head, inverse_temperature, chunk);
  torch::autograd::backward({result.log_probs}, {weights});
  return {result.log_probs.detach(), result.entropy, hidden.grad(), head.gradient};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_SUITE("LanguageModel: head") {
  TEST_CASE("log-probs, entropies and gradients are those of log_softmax over all rows") {
    const at::Tensor hidden = at::empty({23, 8}, at::kDouble);
    const at::Tensor head = at::empty({31, 8}, at::kDouble);
    const at::Tensor weights = at::empty({23}, at::kDouble);
    fill_random(hidden, 1, 2.0);
    fill_random(head, 2);
    fill_random(weights, 3);
    const PackedTokens packed = packed_tokens({4, 10, 9}, 31, 4);
    const at::Tensor targets = next_tokens(packed);
    const at::Tensor scored = targets.ge(0);
    language::ThreadTeam team(2);
    const language::Ops ops(team);
    for (const float inverse : {1.0F, 2.0F}) {
      CAPTURE(inverse);
      const at::Tensor x = hidden.clone().requires_grad_();
      const at::Tensor w = head.clone().requires_grad_();
      const at::Tensor all = at::log_softmax(x.mm(w.t()) * static_cast<double>(inverse), 1);
      const at::Tensor picked =
          all.gather(1, targets.clamp(0).unsqueeze(1)).squeeze(1) * scored;
      torch::autograd::backward({picked}, {weights});
      const at::Tensor entropy = (-(all.exp() * all).sum(1) * scored).detach();
      for (const std::int64_t chunk : {1, 7, 20, 100}) {
        CAPTURE(chunk);
        const Result plain = score(*lm::plain_functions(), false, hidden, head, targets, weights,
                                   inverse, chunk);
        CHECK(difference(plain.log_probs, picked) < 1e-12);
        CHECK(difference(plain.entropy, entropy) < 1e-12);
        CHECK(difference(plain.hidden_gradient, x.grad()) < 1e-12);
        CHECK(difference(plain.head_gradient, w.grad()) < 1e-12);
        const Result exact = score(*lm::exact_functions(ops), true, hidden.to(at::kFloat),
                                   head.to(at::kFloat), targets, weights.to(at::kFloat), inverse,
                                   chunk);
        CHECK(difference(exact.log_probs, picked) < 1e-5);
        CHECK(difference(exact.entropy, entropy) < 1e-5);
        CHECK(difference(exact.hidden_gradient, x.grad()) < 1e-5);
        CHECK(difference(exact.head_gradient, w.grad()) < 1e-5);
      }
    }
  }

  TEST_CASE("rows without a target have log-prob 0, entropy 0 and no gradient") {
    const language::ModelConfig config = tiny_llama();
    for (const bool plain : {false, true}) {
      const LanguageModel model(config, lively_weights(config, 1), at::kCPU,
                                {.plain_operations = plain, .threads = 1});
      const at::Tensor hidden = at::full({4, 24}, 0.5).requires_grad_();
      at::Tensor targets = at::full({4}, -1, at::kLong);
      TokenLogProbs none = model.token_log_probs(hidden, targets);
      CHECK(none.log_probs.equal(at::zeros({4})));
      CHECK(none.entropy.equal(at::zeros({4})));
      targets.mutable_data_ptr<std::int64_t>()[2] = 5;
      const TokenLogProbs one = model.token_log_probs(hidden, targets);
      torch::autograd::backward({one.log_probs.sum()});
      CHECK(hidden.grad().abs().sum(1).gt(0).equal(targets.ge(0)));
    }
  }

  TEST_CASE("wrong arguments are refused with what is wrong") {
    const language::ModelConfig config = tiny_llama();
    const LanguageModel model(config, lively_weights(config, 1), at::kCPU, {.threads = 1});
    const at::Tensor hidden = at::zeros({4, 24});
    const at::Tensor targets = at::zeros({4}, at::kLong);
    CHECK_THROWS_WITH_AS(model.token_log_probs(hidden, targets, 0.0),
                         doctest::Contains("temperature out of range"), Error);
    CHECK_THROWS_AS(model.token_log_probs(hidden, targets, -1.0), Error);
    CHECK_THROWS_WITH_AS(model.token_log_probs(hidden, at::full({4}, 53, at::kLong)),
                         doctest::Contains("a target is outside the vocabulary"), Error);
    CHECK_THROWS_AS(model.token_log_probs(hidden, at::zeros({3}, at::kLong)), Error);
    CHECK_THROWS_AS(model.token_log_probs(at::zeros({4, 23}), targets), Error);
    CHECK_THROWS_AS(model.token_log_probs(hidden, at::zeros({4}, at::kInt)), Error);
  }

  TEST_CASE("a second backward pass through the same graph is refused") {
    const language::ModelConfig config = tiny_llama();
    const LanguageModel model(config, lively_weights(config, 1), at::kCPU, {.threads = 1});
    const PackedTokens packed = packed_tokens({6}, config.vocabulary, 1);
    const at::Tensor loss =
        model.token_log_probs(model.hidden(packed), next_tokens(packed)).log_probs.sum();
    torch::autograd::backward({loss}, {}, /*retain_graph=*/false);
    CHECK_THROWS(torch::autograd::backward({loss}));
  }
}
