// Draws a token from a row of logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/ops.h"
#include "rl/language/text_generator.h"

namespace rl::language {

struct SampledToken {
  TokenId token = 0;
  float log_prob = 0.0F;         // among what the filters kept; 0 when greedy
  float policy_log_prob = 0.0F;  // TokenScore's arithmetic: temperature alone (1 when greedy)
};

// The factor on logits that Ops::score wants.
inline float inverse_temperature(const SamplingOptions& options) {
  return options.temperature == 0.0F ? 1.0F : 1.0F / options.temperature;
}

// Whether options ask for the likeliest token.
inline bool is_greedy(const SamplingOptions& options) { return options.temperature == 0.0F; }

// The distribution over one row of logits, then any number of draws from it.
//
// z = logit / temperature. Tokens are ranked by z, the lower id first among equals; each filter
// keeps a first part of that ranking: top_k of all, top_p of the probability that is left, min_p of
// the highest probability. A draw takes one uniform() and walks what is kept in the order of ids.
// Every sum has one order (doubles, blocks of 256 ids), so a draw has the same bits on any machine.
// Threads: one thread at a time per object, which keeps its memory from row to row.
class Sampler {
 public:
  // `score` is Ops::score of this row at inverse_temperature(options), of any token. The logits
  // must stay in place while drawing. False, and no draw is possible, when a logit is not a number.
  [[nodiscard]] bool load(std::span<const float> logits, const SamplingOptions& options,
                          const TokenScore& score);
  SampledToken draw(RngStream& draws) const;

 private:
  void load_weights();
  void find_buckets();
  std::vector<std::uint32_t> ids_in_bucket(std::size_t bucket) const;
  void keep_most_likely(std::size_t count);
  void keep_probability(float probability);
  void keep_ratio(float ratio);
  void remove_after(std::size_t last);
  void remove_where(std::size_t first, std::size_t end, const std::vector<float>& values,
                    float bound, bool keep_equal);
  void sum_blocks();
  std::size_t draw_index(RngStream& draws) const;
  bool ranks_before(std::size_t a, std::size_t b) const {
    return z_[a] != z_[b] ? z_[a] > z_[b] : a < b;
  }

  std::span<const float> logits_;
  bool greedy_ = false;
  std::size_t likeliest_ = 0;
  float inverse_temperature_ = 1.0F;
  TokenScore score_;
  bool removed_ = false;                // whether a filter took a token away
  std::vector<float> z_;                // logits / temperature
  std::vector<float> weights_;          // exp(z - max), 0 when removed
  std::vector<double> block_sums_;
  double total_ = 0.0;
  std::vector<std::uint16_t> buckets_;  // by distance from the largest z
};

}  // namespace rl::language
