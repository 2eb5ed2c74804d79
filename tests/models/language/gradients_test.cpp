#include "rl/models/language_model.h"

#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include <cmath>

#include "models/language/tiny_models.h"

using namespace rl;
using namespace rl::testing;

namespace {

at::Tensor loss_of(const LanguageModel& model, const PackedTokens& packed, double divisor) {
  return model.token_log_probs(model.hidden(packed), next_tokens(packed), 0.8).log_probs.sum() /
         -divisor;
}

at::Tensor gradients_of(LanguageModel& model, const PackedTokens& packed) {
  model.parameters().gradients().zero_();
  torch::autograd::backward({loss_of(model, packed, 10.0)});
  return model.parameters().gradients().clone();
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

PackedTokens part(const PackedTokens& packed, std::size_t first, std::size_t count) {
  std::int64_t start = 0;
  std::int64_t rows = 0;
  for (std::size_t s = 0; s < first; ++s) start += packed.lengths[s];
  for (std::size_t s = first; s < first + count; ++s) rows += packed.lengths[s];
  const auto begin = packed.lengths.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  return {packed.tokens.narrow(0, start, rows), {begin, end}};
}

}  // namespace

TEST_SUITE("LanguageModel: gradients") {
  TEST_CASE("every parameter's gradient is that of LibTorch's operations, for every family") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 21);
      const PackedTokens packed = packed_tokens({12, 12, 1, 40}, config.vocabulary, 22);
      LanguageModel exact(config, weights, at::kCPU, {.threads = 2});
      LanguageModel plain(config, weights, at::kCPU, {.plain_operations = true});
      gradients_of(exact, packed);
      gradients_of(plain, packed);
      for (std::size_t i = 0; i < exact.parameters().specs().size(); ++i) {
        CAPTURE(exact.parameters().specs()[i].name);
        const at::Tensor& expected = plain.parameters().gradient(i);
        CHECK((exact.parameters().gradient(i) - expected).norm().item<double>() <
              1e-4 * expected.norm().item<double>() + 1e-5);
      }
    }
  }

  TEST_CASE("a small step along the gradient changes the loss as the gradient says") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      LanguageModel model(config, lively_weights(config, 23), at::kCPU, {.threads = 1});
      const PackedTokens packed = packed_tokens({12, 30}, config.vocabulary, 24);
      const at::Tensor gradient = gradients_of(model, packed);
      const double square = gradient.square().sum().item<double>();
      const double step = 2e-3 / std::sqrt(square);
      const at::Tensor start = model.parameters().values().clone();
      model.parameters().values().copy_(start + gradient * step);
      const double above = loss_of(model, packed, 10.0).item<double>();
      model.parameters().values().copy_(start - gradient * step);
      const double below = loss_of(model, packed, 10.0).item<double>();
      CHECK((above - below) / (2.0 * step) == doctest::Approx(square).epsilon(5e-3));
    }
  }

  TEST_CASE("checkpoints of the layers change no bit of any gradient, in either form") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 25);
      const PackedTokens packed = packed_tokens({12, 3, 40}, config.vocabulary, 26);
      for (const bool plain : {false, true}) {
        CAPTURE(plain);
        LanguageModel kept(config, weights, at::kCPU, {.plain_operations = plain, .threads = 2});
        LanguageModel recomputed(
            config, weights, at::kCPU,
            {.activation_checkpointing = true, .plain_operations = plain, .threads = 2});
        CHECK(gradients_of(recomputed, packed).equal(gradients_of(kept, packed)));
      }
    }
  }

  TEST_CASE("gradients have the same bits for any number of threads") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 51);
      const PackedTokens packed = packed_tokens({12, 60, 7, 64, 33}, config.vocabulary, 52);
      LanguageModel alone(config, weights, at::kCPU, {.threads = 1});
      const at::Tensor expected = gradients_of(alone, packed);
      for (const std::size_t threads : {2U, 3U, 7U}) {
        LanguageModel model(config, weights, at::kCPU, {.threads = threads});
        CHECK(gradients_of(model, packed).equal(expected));
      }
    }
  }

  // A tied embedding learns from the head's rows and from its own, micro-batch after micro-batch.
  TEST_CASE("gradients accumulate, and splitting a batch changes no bit but of a tied embedding") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const PackedTokens packed = packed_tokens({12, 25, 7, 31}, config.vocabulary, 28);
      LanguageModel model(config, lively_weights(config, 27), at::kCPU, {.threads = 2});
      const at::Tensor whole = gradients_of(model, packed);
      CHECK(gradients_of(model, packed).equal(whole));  // and repeatable
      std::vector<at::Tensor> expected;
      for (std::size_t i = 0; i < model.parameters().specs().size(); ++i) {
        expected.push_back(model.parameters().gradient(i).clone());
      }
      for (const std::size_t size : {1U, 2U}) {
        CAPTURE(size);
        model.parameters().gradients().zero_();
        for (std::size_t first = 0; first < packed.lengths.size(); first += size) {
          torch::autograd::backward({loss_of(model, part(packed, first, size), 10.0)});
        }
        CHECK(relative_difference(model.parameters().gradients(), whole) < 1e-6);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const std::string& parameter = model.parameters().specs()[i].name;
          CAPTURE(parameter);
          if (config.tied_head && parameter == "model.embed_tokens.weight") continue;
          CHECK(model.parameters().gradient(i).equal(expected[i]));
        }
      }
    }
  }

  TEST_CASE("sequences that share their beginning teach it together") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 41);
      const PackedTokens packed = samples_of_a_prompt(config.vocabulary, 42);
      LanguageModel model(config, weights, at::kCPU, {.threads = 2});
      const at::Tensor together = gradients_of(model, packed);
      model.parameters().gradients().zero_();
      for (std::size_t s = 0; s < packed.lengths.size(); ++s) {
        torch::autograd::backward({loss_of(model, part(packed, s, 1), 10.0)});
      }
      CHECK(relative_difference(together, model.parameters().gradients()) < 1e-6);
      LanguageModel recomputed(config, weights, at::kCPU,
                               {.activation_checkpointing = true, .threads = 2});
      CHECK(gradients_of(recomputed, packed).equal(together));
    }
  }

  TEST_CASE("with adapters only they have gradients, those of LibTorch's unmerged form") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 31);
      const PackedTokens packed = packed_tokens({12, 12, 40}, config.vocabulary, 32);
      const LoraOptions lora{.rank = 4, .alpha = 8.0, .targets = {"q_proj", "v_proj", "up_proj"}};
      LanguageModel exact(config, weights, at::kCPU, {.threads = 2, .lora = lora});
      LanguageModel plain(config, weights, at::kCPU, {.plain_operations = true, .lora = lora});
      CHECK(exact.parameters().specs().size() == 2 * 2 * 3);
      fill_random(exact.parameters().values(), 33, 0.3);
      plain.parameters().values().copy_(exact.parameters().values());
      const at::Tensor expected = gradients_of(plain, packed);
      CHECK(expected.norm().item<double>() > 0.0);
      CHECK(relative_difference(gradients_of(exact, packed), expected) < 2e-5);
    }
  }
}
