#include "learner/language/sft_loss.h"

#include "tests/learner/language/examples.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using tests::example;

const std::vector<language::TrainingExample>& examples() {
  static const std::vector<language::TrainingExample> kExamples{
      example("12+34=", "46"), example("reverse(abc)=", "cba"), example("", "xyz"),
      example("sort(31)=", "13"), example("a", "b")};
  return kExamples;
}

Examples batch() {
  Examples result;
  for (const auto& one : examples()) result.push_back(&one);
  return result;
}

struct Tiny {
  language::ModelFolder folder = tests::tiny_model();
  LanguageModel model{folder.config, folder.weights, at::kCPU, {.threads = 1}};
};

}  // namespace

TEST_SUITE("sft loss") {
  TEST_CASE("it is the mean of - log p over all loss tokens of the batch") {
    Tiny tiny;
    double sum = 0.0;
    double count = 0.0;
    for (const auto* one : batch()) {
      const PackedExamples packed = pack_examples(std::span(&one, 1), at::kCPU);
      const at::Tensor log_probs =
          tiny.model.token_log_probs(tiny.model.hidden(packed.tokens), packed.targets).log_probs;
      sum -= log_probs.sum().item<double>();
      count += static_cast<double>(one->loss_tokens());
    }
    const SftLoss loss = compute_gradients(tiny.model, batch(), 1000);
    CHECK(loss.value.item<double>() == doctest::Approx(sum / count).epsilon(1e-6));
    CHECK(loss.loss_tokens == static_cast<std::size_t>(count));
    CHECK(loss.tokens == 9 + 17 + 4 + 12 + 3);
  }

  TEST_CASE("loss and gradients do not depend on how the batch is split, but for rounding") {
    Tiny tiny;
    const SftLoss whole = compute_gradients(tiny.model, batch(), 1000);
    const at::Tensor gradients = tiny.model.parameters().gradients().clone();
    CHECK(gradients.abs().max().item<float>() > 0.0F);
    for (const std::size_t budget : {1, 13, 20, 30}) {
      CAPTURE(budget);
      const SftLoss split = compute_gradients(tiny.model, batch(), budget);
      const double expected = whole.value.item<double>();
      CHECK(split.value.item<double>() == doctest::Approx(expected).epsilon(1e-6));
      const at::Tensor difference = tiny.model.parameters().gradients() - gradients;
      CHECK(difference.norm().item<float>() < 1e-5F * gradients.norm().item<float>());
    }
  }

  TEST_CASE("gradients of an earlier batch leave no trace") {
    Tiny tiny;
    compute_gradients(tiny.model, batch(), 1000);
    const at::Tensor gradients = tiny.model.parameters().gradients().clone();
    compute_gradients(tiny.model, {batch()[0]}, 1000);
    compute_gradients(tiny.model, batch(), 1000);
    CHECK(gradients.equal(tiny.model.parameters().gradients()));
  }

  TEST_CASE("tokens outside the loss have no say in it: another prompt's tail changes no target") {
    Tiny tiny;
    auto silent = example("12+34=", "46");
    silent.loss.assign(silent.loss.size(), 0);
    const SftLoss with = compute_gradients(tiny.model, {&silent, batch()[0]}, 1000);
    const at::Tensor gradients = tiny.model.parameters().gradients().clone();
    const SftLoss without = compute_gradients(tiny.model, {batch()[0]}, 1000);
    CHECK(with.value.item<float>() == without.value.item<float>());
    const at::Tensor difference = tiny.model.parameters().gradients() - gradients;
    CHECK(difference.norm().item<float>() < 1e-6F * gradients.norm().item<float>());
  }
}

}  // namespace rl
