#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/cuda/batches.h"

using namespace rl::cuda;
using rl::test::CategoricalData;

namespace {

struct Scores {
  std::vector<SoftmaxState> states;
  std::vector<float> log_probs, entropies;
};

VocabularyChunk chunk_of(const CategoricalData& data, std::size_t first, std::size_t columns,
                         float inverse_temperature) {
  return {data.num_rows, columns, data.num_actions, static_cast<std::int64_t>(first),
          inverse_temperature, data.logits.data() + first, data.actions.data()};
}

Scores score(const CategoricalData& data, std::size_t chunk, float inverse_temperature) {
  Scores scores{std::vector<SoftmaxState>(data.num_rows, kEmptySoftmax),
                std::vector<float>(data.num_rows), std::vector<float>(data.num_rows)};
  for (std::size_t first = 0; first < data.num_actions; first += chunk) {
    const std::size_t columns = std::min(chunk, data.num_actions - first);
    add_token_scores_reference(chunk_of(data, first, columns, inverse_temperature),
                               scores.states.data());
  }
  finish_token_scores_reference(data.num_rows, scores.states.data(), scores.log_probs.data(),
                                scores.entropies.data());
  return scores;
}

}  // namespace

TEST_SUITE("cuda token scores") {
  TEST_CASE("in any chunks of the vocabulary the scores are those of the whole row") {
    const CategoricalData data(30, 101, 4);
    std::vector<float> log_probs(30), entropies(30);
    categorical_reference(data.batch(), log_probs.data(), entropies.data());
    for (const std::size_t chunk : {1U, 7U, 50U, 101U, 500U}) {
      CAPTURE(chunk);
      const Scores scores = score(data, chunk, 1.0F);
      for (std::size_t n = 0; n < 30; ++n) {
        CHECK(scores.log_probs[n] == doctest::Approx(log_probs[n]).epsilon(1e-5));
        CHECK(scores.entropies[n] == doctest::Approx(entropies[n]).epsilon(1e-5));
      }
    }
  }

  TEST_CASE("the temperature divides the logits") {
    CategoricalData data(10, 20, 5);
    const Scores scores = score(data, 6, 0.5F);
    for (float& logit : data.logits) logit *= 0.5F;
    const Scores halved = score(data, 20, 1.0F);
    for (std::size_t n = 0; n < 10; ++n) {
      CHECK(scores.log_probs[n] == doctest::Approx(halved.log_probs[n]).epsilon(1e-5));
    }
  }

  TEST_CASE("a token of no chunk has log-prob minus infinity") {
    CategoricalData data(2, 8, 6);
    data.actions[1] = 99;
    const Scores scores = score(data, 4, 1.0F);
    CHECK(std::isfinite(scores.log_probs[0]));
    CHECK(scores.log_probs[1] == -INFINITY);
  }

  TEST_CASE("the gradient over chunks is that of the whole row, scaled by the temperature") {
    const CategoricalData data(9, 23, 7);
    std::vector<float> expected(data.logits.size());
    const std::vector<float> no_entropy(9, 0.0F);
    categorical_backward_reference(data.batch(), data.log_prob_gradients.data(),
                                   no_entropy.data(), expected.data());
    const Scores scores = score(data, 5, 1.0F);
    for (std::size_t first = 0; first < 23; first += 5) {
      const std::size_t columns = std::min<std::size_t>(5, 23 - first);
      std::vector<float> gradients(9 * columns);
      token_scores_backward_reference(chunk_of(data, first, columns, 1.0F), scores.states.data(),
                                      data.log_prob_gradients.data(), gradients.data());
      for (std::size_t n = 0; n < 9; ++n) {
        for (std::size_t c = 0; c < columns; ++c) {
          CHECK(gradients[n * columns + c] ==
                doctest::Approx(expected[n * 23 + first + c]).epsilon(1e-4));
        }
      }
    }
  }
}
