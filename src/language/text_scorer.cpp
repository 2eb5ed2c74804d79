#include "rl/language/text_scorer.h"

#include <numeric>

#include "rl/core/error.h"
#include "rl/language/thread_team.h"
#include "rl/language/transformer.h"
#include "src/language/text_cache.h"

namespace rl::language {
namespace {

using text::TokenId;

constexpr const char* kWhere = "TextScorer";

void check(const ModelConfig& config, std::span<const TokenId> tokens, std::size_t first) {
  if (first < 1 || first > tokens.size() || tokens.size() > config.context + 1) {
    throw Error({.where = kWhere, .what = "the text cannot be scored",
                 .expected = "a first token behind another, at most " +
                             std::to_string(config.context + 1) + " tokens",
                 .got = "token " + std::to_string(first) + " of " + std::to_string(tokens.size())});
  }
  for (const TokenId id : tokens) {
    if (id >= 0 && static_cast<std::size_t>(id) < config.vocabulary) continue;
    throw Error({.where = kWhere, .what = "the model does not know a token",
                 .expected = "ids below " + std::to_string(config.vocabulary),
                 .got = std::to_string(id)});
  }
}

}  // namespace

struct TextScorer::Implementation {
  Implementation(const ModelConfig& config, const ModelWeights& weights, std::size_t threads)
      : team(threads), transformer(config, weights, config.context, Ops(team)) {}

  ThreadTeam team;
  Transformer transformer;
};

TextScorer::TextScorer(const ModelConfig& config, const ModelWeights& weights,
                       std::size_t threads) {
  require_language_head(config, kWhere);
  implementation_ = std::make_unique<Implementation>(config, weights, threads);
}

TextScorer::~TextScorer() = default;

std::vector<float> TextScorer::log_probs(std::span<const TokenId> tokens, std::size_t first) {
  Transformer& transformer = implementation_->transformer;
  const ModelConfig& config = transformer.config();
  check(config, tokens, first);
  const std::size_t count = tokens.size() - first;
  if (count == 0) return {};
  const std::span<const TokenId> read = tokens.first(tokens.size() - 1);
  const TextCache cache(config, read.size());
  const TokenSpan span{.tokens = read, .first_position = 0, .cache = cache.view()};
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), first - 1);
  std::vector<float> logits(count * config.vocabulary);
  transformer.forward({&span, 1}, read.size(), rows, logits.data());
  std::vector<TokenScore> scores(count);
  transformer.ops().score(logits.data(), count, config.vocabulary, 1.0F, tokens.data() + first,
                          scores.data());
  std::vector<float> result;
  for (const TokenScore& score : scores) result.push_back(score.log_prob);
  return result;
}

}  // namespace rl::language
