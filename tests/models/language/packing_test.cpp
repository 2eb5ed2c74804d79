#include "rl/models/language_model.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "support/torch_doctest.h"

#include <string>

#include "models/language/tiny_models.h"
#include "rl/core/error.h"
#include "src/models/language/packing.h"
#include "tests/support/errors.h"

using namespace rl;
using namespace rl::testing;

namespace {

using rl::tests::contains;

std::string refusal(const LanguageModel& model, const PackedTokens& packed) {
  return tests::message_of([&] { model.hidden(packed); });
}

void check_each_alone(const language::ModelConfig& config, const PackedTokens& packed) {
  const LanguageModel model(config, lively_weights(config, 1), at::kCPU, {.threads = 2});
  const at::Tensor together = model.hidden(packed);
  CHECK(together.size(0) == packed.tokens.size(0));
  std::int64_t start = 0;
  for (const std::int64_t length : packed.lengths) {
    CAPTURE(start);
    const PackedTokens alone{packed.tokens.narrow(0, start, length), {length}};
    CHECK(model.hidden(alone).equal(together.narrow(0, start, length)));
    start += length;
  }
}

}  // namespace

TEST_SUITE("LanguageModel: packing") {
  TEST_CASE("a sequence has the same bits alone and among others") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      check_each_alone(config, packed_tokens({30, 2, 64, 1, 11}, config.vocabulary, 2));
    }
  }

  TEST_CASE("what sequences share is computed once, with the bits that each has alone") {
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const PackedTokens packed = samples_of_a_prompt(config.vocabulary, 5);
      const auto batch = lm::Packer(config, at::kCPU, /*plain=*/false).pack(packed);
      CHECK(batch->num_rows() == 20 + (31 - 12) + 0 + 0 + 0 + 9);
      check_each_alone(config, packed);
    }
  }

  TEST_CASE("a few equal tokens at the beginning are not worth sharing") {
    PackedTokens packed = packed_tokens({40, 40, 40}, 53, 7);
    for (const std::int64_t start : {0, 40, 80}) packed.tokens.narrow(0, start, 3).fill_(1);
    const auto batch = lm::Packer(tiny_llama(), at::kCPU, /*plain=*/false).pack(packed);
    CHECK_FALSE(batch->shares_rows());
    CHECK(batch->num_rows() == 120);
  }

  TEST_CASE("the tokens of one sequence change no bit of another") {
    const language::ModelConfig config = tiny_llama();
    for (const bool plain : {false, true}) {
      CAPTURE(plain);
      const LanguageModel model(config, lively_weights(config, 1), at::kCPU,
                                {.plain_operations = plain, .threads = 2});
      PackedTokens packed = packed_tokens({10, 20, 5}, config.vocabulary, 3);
      const at::Tensor before = model.hidden(packed).clone();
      packed.tokens.narrow(0, 10, 20).fill_(3);
      const at::Tensor after = model.hidden(packed);
      CHECK(after.narrow(0, 0, 10).equal(before.narrow(0, 0, 10)));
      CHECK(after.narrow(0, 30, 5).equal(before.narrow(0, 30, 5)));
      CHECK_FALSE(after.narrow(0, 10, 20).equal(before.narrow(0, 10, 20)));
    }
  }

  TEST_CASE("no token sees a later one") {
    const language::ModelConfig config = tiny_llama();
    const LanguageModel model(config, lively_weights(config, 1), at::kCPU, {.threads = 1});
    PackedTokens packed = packed_tokens({24}, config.vocabulary, 3);
    const at::Tensor before = model.hidden(packed).clone();
    packed.tokens.narrow(0, 15, 9).fill_(7);
    CHECK(model.hidden(packed).narrow(0, 0, 15).equal(before.narrow(0, 0, 15)));
  }

  TEST_CASE("wrong batches are refused with what is wrong") {
    const language::ModelConfig config = tiny_llama();
    const LanguageModel model(config, lively_weights(config, 1), at::kCPU, {.threads = 1});
    PackedTokens packed = packed_tokens({6, 4}, config.vocabulary, 1);
    PackedTokens wrong = packed;
    wrong.lengths = {6, 5};
    CHECK(contains(refusal(model, wrong), "the lengths do not sum to the tokens: expected 10"));
    wrong.lengths = {10, 0};
    CHECK(contains(refusal(model, wrong), "a sequence without tokens"));
    wrong.lengths = {11, -1};
    CHECK(contains(refusal(model, wrong), "a sequence without tokens"));
    CHECK(contains(refusal(model, {at::zeros({0}, at::kLong), {}}), "do not sum"));
    CHECK(contains(refusal(model, packed_tokens({65}, config.vocabulary, 1)),
                   "longer than the model's context: expected at most 64 tokens, got 65"));
    for (const std::int64_t id : {std::int64_t{53}, std::int64_t{-1}}) {
      wrong = {packed.tokens.clone(), packed.lengths};
      wrong.tokens.mutable_data_ptr<std::int64_t>()[7] = id;
      CHECK(contains(
          refusal(model, wrong),
          "token 7 is outside the vocabulary: expected 0 to 52, got " + std::to_string(id)));
    }
    CHECK(contains(refusal(model, {packed.tokens.to(at::kInt), packed.lengths}), "[N] i64"));
    CHECK(contains(refusal(model, {at::Tensor(), {}}), "[N] i64"));
  }

  TEST_CASE("weights of another model and bf16 off CUDA are refused") {
    language::ModelConfig config = tiny_llama();
    const language::ModelWeights weights = language::random_weights(config, 1);
    config.layers = 3;
    CHECK_THROWS_AS(LanguageModel(config, weights, at::kCPU, {}), Error);
    config.layers = 2;
    CHECK_THROWS_AS(LanguageModel(config, weights, at::kCPU, {.bf16_autocast = true}), Error);
    config.hidden = 0;
    CHECK_THROWS_AS(LanguageModel(config, weights, at::kCPU, {}), Error);
  }
}
