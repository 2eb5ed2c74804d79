#include "rl/models/language_model.h"

#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include "support/torch_doctest.h"

#include <cstring>

#include "models/language/tiny_models.h"
#include "rl/language/transformer.h"
#include "src/language/kernels.h"
#include "tests/language/sequence_pages.h"

using namespace rl;
using namespace rl::testing;

namespace {

// What a generator says of the targets: the transformer's logits, one sequence at a time, and
// Ops::score. Zeros where there is no target.
std::vector<float> generated_log_probs(const language::ModelConfig& config,
                                       const language::ModelWeights& weights,
                                       const PackedTokens& packed, const at::Tensor& targets,
                                       float inverse_temperature,
                                       const language::KernelTable& kernels) {
  language::ThreadTeam team(1);
  const language::Ops ops(team, kernels);
  language::Transformer transformer(config, weights, config.context, ops);
  std::vector<float> result;
  std::int64_t start = 0;
  for (const std::int64_t length : packed.lengths) {
    const std::int64_t* ids = packed.tokens.const_data_ptr<std::int64_t>() + start;
    const std::vector<std::int32_t> tokens(ids, ids + length);
    const language::SequencePages pages(config, tokens.size(), 16);
    for (std::size_t t = 0; t < tokens.size(); ++t) {  // one token at a time, as when decoding
      const language::TokenSpan span{.tokens = std::span(tokens).subspan(t, 1),
                                     .first_position = t, .cache = pages.cache()};
      const std::size_t wanted = 0;
      std::vector<float> logits(config.vocabulary);
      transformer.forward({&span, 1}, 16, {&wanted, 1}, logits.data());
      const std::int64_t target =
          targets.const_data_ptr<std::int64_t>()[start + static_cast<std::int64_t>(t)];
      language::TokenScore score;
      const auto token = static_cast<std::int32_t>(target);
      if (target >= 0) {
        ops.score(logits.data(), 1, config.vocabulary, inverse_temperature, &token, &score);
      }
      result.push_back(score.log_prob);
    }
    start += length;
  }
  return result;
}

bool same_bits(const std::vector<float>& expected, const at::Tensor& values) {
  return values.numel() == static_cast<std::int64_t>(expected.size()) &&
         std::memcmp(expected.data(), values.const_data_ptr(), values.nbytes()) == 0;
}

}  // namespace

TEST_SUITE("LanguageModel: exactness") {
  TEST_CASE("a token's log-prob has the bits it has in the generator, for every family") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 3);
      const PackedTokens packed = packed_tokens({7, 1, 33, 64, 12}, config.vocabulary, 4);
      const at::Tensor targets = next_tokens(packed);
      for (const double temperature : {1.0, 0.7}) {
        CAPTURE(temperature);
        const auto expected =
            generated_log_probs(config, weights, packed, targets,
                                static_cast<float>(1.0 / temperature),
                                *language::available_kernels()[0]);
        for (const std::size_t threads : {1U, 2U, 3U}) {
          CAPTURE(threads);
          const LanguageModel model(config, weights, at::kCPU, {.threads = threads});
          const TokenLogProbs learned =
              model.token_log_probs(model.hidden(packed), targets, temperature);
          CHECK(same_bits(expected, learned.log_probs));
        }
      }
    }
  }

  TEST_CASE("the bits are those without a graph, with checkpoints and with chunks of the head") {
    const language::ModelConfig config = tiny_llama();
    const language::ModelWeights weights = lively_weights(config, 5);
    const PackedTokens packed = packed_tokens({20, 31}, config.vocabulary, 6);
    const at::Tensor targets = next_tokens(packed);
    const LanguageModel model(config, weights, at::kCPU, {.threads = 2});
    const TokenLogProbs with_graph = model.token_log_probs(model.hidden(packed), targets);
    CHECK(with_graph.log_probs.requires_grad());
    CHECK_FALSE(with_graph.entropy.requires_grad());
    const LanguageModel other(
        config, weights, at::kCPU,
        {.activation_checkpointing = true, .threads = 1, .head_chunk_tokens = 7});
    const TokenLogProbs in_pieces = other.token_log_probs(other.hidden(packed), targets);
    CHECK(in_pieces.log_probs.equal(with_graph.log_probs));
    const c10::NoGradGuard no_graph;
    const TokenLogProbs without = model.token_log_probs(model.hidden(packed), targets);
    CHECK_FALSE(without.log_probs.requires_grad());
    CHECK(without.log_probs.equal(with_graph.log_probs));
    CHECK(without.entropy.equal(with_graph.entropy));
  }

  TEST_CASE("with adapters the bits are those of the merged weights in the generator") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      LanguageModel model(config, lively_weights(config, 7), at::kCPU,
                          {.threads = 2, .lora = {.rank = 3, .targets = {"q_proj", "down_proj"}}});
      fill_random(model.parameters().values(), 8, 0.3);
      const PackedTokens packed = packed_tokens({9, 17}, config.vocabulary, 9);
      const at::Tensor targets = next_tokens(packed);
      const auto expected = generated_log_probs(config, model.snapshot(), packed, targets, 1.0F,
                                                *language::available_kernels()[0]);
      CHECK(same_bits(expected,
                      model.token_log_probs(model.hidden(packed), targets).log_probs));
    }
  }

  TEST_CASE("LibTorch's own operations say the same up to rounding") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 11);
      const PackedTokens packed = packed_tokens({5, 40, 1}, config.vocabulary, 12);
      const at::Tensor targets = next_tokens(packed);
      const LanguageModel exact(config, weights, at::kCPU, {.threads = 1});
      const LanguageModel plain(config, weights, at::kCPU, {.plain_operations = true});
      const TokenLogProbs a = exact.token_log_probs(exact.hidden(packed), targets, 0.9);
      const TokenLogProbs b = plain.token_log_probs(plain.hidden(packed), targets, 0.9);
      CHECK((a.log_probs - b.log_probs).abs().max().item<double>() < 2e-5);
      const at::Tensor scored = targets.ge(0);
      CHECK((a.entropy - b.entropy).abs().max().item<double>() < 2e-5);
      CHECK(a.entropy.masked_select(scored).min().item<double>() > 0.0);
    }
  }
}
