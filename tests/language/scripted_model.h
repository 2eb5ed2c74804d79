// A model without weights for tests of the generator: its logits are a hash of every token it finds
// in the cache, so that a wrong page, a wrong position or a lost token changes them all.
#pragma once

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "rl/core/error.h"
#include "src/language/batch_generator.h"

namespace rl::language {

inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 31U)) * 0x7fb5d329728ea185ULL;
  x = (x ^ (x >> 27U)) * 0x81dadef4bc2dd44dULL;
  return x ^ (x >> 33U);
}

inline ModelConfig scripted_config(std::size_t vocabulary = 50, std::size_t context = 40) {
  ModelConfig config;
  config.vocabulary = vocabulary;
  config.context = context;
  config.layers = 2;
  config.key_value_heads = 1;
  config.head_dim = 2;
  return config;
}

class ScriptedModel final : public LogitModel {
 public:
  explicit ScriptedModel(ModelConfig config = scripted_config(), std::size_t threads = 1)
      : config_(std::move(config)), team_(threads) {}

  const ModelConfig& config() const override { return config_; }
  ThreadTeam& team() override { return team_; }
  void set_weights(const ModelWeights&) override { ++weights_set; }
  std::unique_ptr<PageMemory> make_pages(const PageShape& shape) override {
    return memory ? std::move(memory) : host_pages(shape);
  }

  void forward(std::span<const TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits) override {
    ++calls;
    last_rows = 0;
    for (const TokenSpan& span : spans) {
      for (std::size_t i = 0; i < span.tokens.size(); ++i) {
        write(span.cache, page_size, span.first_position + i, span.tokens[i]);
      }
    }
    std::size_t wanted = 0;
    for (const TokenSpan& span : spans) {
      for (std::size_t i = 0; i < span.tokens.size(); ++i, ++last_rows) {
        if (wanted == wanted_rows.size() || wanted_rows[wanted] != last_rows) continue;
        fill(hash(span.cache, page_size, span.first_position + i + 1),
             logits + wanted++ * config_.vocabulary);
      }
    }
    rows += last_rows;
    REQUIRE(wanted == wanted_rows.size());
  }

  void score(const float* logits, std::size_t count, float factor, const std::int32_t* tokens,
             TokenScore* scores) override {
    for (std::size_t row = 0; row < count; ++row) {
      const float* z = logits + row * config_.vocabulary;
      TokenScore score{.max = -std::numeric_limits<float>::infinity()};
      float sum = 0.0F;
      for (std::size_t i = 0; i < config_.vocabulary; ++i) score.max = std::fmax(score.max, z[i] * factor);
      for (std::size_t i = 0; i < config_.vocabulary; ++i) sum += std::exp(z[i] * factor - score.max);
      score.log_sum = std::log(sum);
      score.log_prob = (z[tokens[row]] * factor - score.max) - score.log_sum;
      scores[row] = score;
    }
  }

  std::size_t calls = 0;
  std::size_t rows = 0;
  std::size_t last_rows = 0;
  std::size_t weights_set = 0;
  float broken = 0.0F;  // added to every logit
  std::unique_ptr<PageMemory> memory;  // of the cache, when given

 private:
  void write(const SequenceCache& cache, std::size_t page_size, std::size_t position,
             std::int32_t token) const {
    for (std::size_t layer = 0; layer < config_.layers; ++layer) {
      float* key = cache.key_pages[layer][position / page_size] + position % page_size * 2;
      float* value = cache.value_pages[layer][position / page_size] + position % page_size * 2;
      key[0] = static_cast<float>(token);
      key[1] = static_cast<float>(position);
      value[0] = static_cast<float>(token) + 0.5F;
      value[1] = static_cast<float>(layer);
    }
  }

  std::uint64_t hash(const SequenceCache& cache, std::size_t page_size, std::size_t end) const {
    std::uint64_t state = 1;
    for (std::size_t layer = 0; layer < config_.layers; ++layer) {
      for (std::size_t position = 0; position < end; ++position) {
        const float* key = cache.key_pages[layer][position / page_size] + position % page_size * 2;
        const float* value =
            cache.value_pages[layer][position / page_size] + position % page_size * 2;
        for (const float part : {key[0], key[1], value[0], value[1]}) {
          state = mixed(state + std::bit_cast<std::uint32_t>(part));
        }
      }
    }
    return state;
  }

  void fill(std::uint64_t seed, float* logits) const {
    for (std::size_t i = 0; i < config_.vocabulary; ++i) {
      logits[i] = static_cast<float>(mixed(seed + i) % 1000) / 200.0F + broken;
    }
  }

  ModelConfig config_;
  ThreadTeam team_;
};

// What a sequence became.
struct Story {
  std::vector<TokenId> tokens;
  std::vector<float> log_probs;
  std::vector<float> policy_log_probs;
  bool ended = false;
  FinishReason reason{};
  bool operator==(const Story&) const = default;
};

using Stories = std::map<std::pair<std::uint64_t, std::size_t>, Story>;

inline void collect(const std::vector<GeneratedToken>& tokens, Stories& stories) {
  for (const GeneratedToken& token : tokens) {
    Story& story = stories[{token.request, token.sample}];
    REQUIRE_FALSE(story.ended);
    story.tokens.push_back(token.token);
    story.log_probs.push_back(token.log_prob);
    story.policy_log_probs.push_back(token.policy_log_prob);
    story.ended = token.last;
    if (token.last) story.reason = token.reason;
  }
}

inline Stories run_to_end(TextGenerator& generator) {
  Stories stories;
  for (int step = 0; !generator.idle(); ++step) {
    REQUIRE(step < 100000);
    collect(generator.step(), stories);
  }
  return stories;
}

}  // namespace rl::language
