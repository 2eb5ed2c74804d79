#include "src/language/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "rl/core/portable_math.h"

namespace rl::language {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kBuckets = 2048;
constexpr float kBucketsPerUnit = 64.0F;
constexpr float kLastBucket = static_cast<float>(kBuckets - 1);

// exp(x) for x <= 0 by separate multiplications and additions, which compilers turn into vector
// code of the same bits; about one unit in the last place. 0 below -87; exp(0) is 1.
inline float exp_below_one(float x) {
  constexpr float kLeast = -87.0F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: the sum's last bits are the rounded number
  const float bounded = x < kLeast ? kLeast : x;
  const float shifted = bounded * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (bounded - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const float value = (p * (r * r) + r) + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23U;
  const float kept = x < kLeast ? 0.0F : value;
  return kept * std::bit_cast<float>(exponent);
}

bool has_nan(std::span<const float> values) {
  std::uint32_t found = 0;
  for (const float value : values) found |= value != value ? 1U : 0U;
  return found != 0;
}

double sum_of(const float* values, std::size_t count) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) lanes[lane] += values[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace

bool Sampler::load(std::span<const float> logits, const SamplingOptions& options,
                   const TokenScore& score) {
  logits_ = logits;
  score_ = score;
  greedy_ = is_greedy(options);
  inverse_temperature_ = inverse_temperature(options);
  removed_ = false;
  if (!std::isfinite(score.max) || !std::isfinite(score.log_sum) || has_nan(logits)) return false;
  if (greedy_) {
    likeliest_ = static_cast<std::size_t>(std::ranges::find(logits, score.max) - logits.begin());
    return likeliest_ < logits.size();
  }
  load_weights();
  const bool by_rank = options.top_k != 0 && options.top_k < logits.size();
  if (by_rank || options.top_p < 1.0F) find_buckets();
  if (by_rank) keep_most_likely(options.top_k);
  if (options.top_p < 1.0F) keep_probability(options.top_p);
  if (options.min_p > 0.0F) keep_ratio(options.min_p);
  sum_blocks();
  return std::isfinite(total_) && total_ > 0.0;
}

void Sampler::load_weights() {
  const std::size_t count = logits_.size();
  z_.resize(count);
  weights_.resize(count);
  const float* logits = logits_.data();
  float* z = z_.data();
  float* weights = weights_.data();
  const float factor = inverse_temperature_;
  const float max = score_.max;
  for (std::size_t i = 0; i < count; ++i) {
    z[i] = logits[i] * factor;
    weights[i] = exp_below_one(z[i] - max);
  }
}

void Sampler::find_buckets() {
  buckets_.resize(z_.size());
  const float* z = z_.data();
  std::uint16_t* buckets = buckets_.data();
  const float max = score_.max;
  for (std::size_t i = 0; i < z_.size(); ++i) {
    const float bucket = (max - z[i]) * kBucketsPerUnit;
    buckets[i] = static_cast<std::uint16_t>(static_cast<int>(bucket < kLastBucket ? bucket
                                                                                 : kLastBucket));
  }
}

std::vector<std::uint32_t> Sampler::ids_in_bucket(std::size_t bucket) const {
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == bucket) ids.push_back(static_cast<std::uint32_t>(i));
  }
  return ids;
}

void Sampler::keep_most_likely(std::size_t count) {
  std::vector<std::size_t> counts(kBuckets, 0);
  for (const std::uint16_t bucket : buckets_) ++counts[bucket];
  std::size_t before = 0;
  std::size_t bucket = 0;
  while (before + counts[bucket] < count) before += counts[bucket++];
  std::vector<std::uint32_t> ids = ids_in_bucket(bucket);
  const auto last = ids.begin() + static_cast<std::ptrdiff_t>(count - before - 1);
  std::nth_element(ids.begin(), last, ids.end(),
                   [this](std::uint32_t a, std::uint32_t b) { return ranks_before(a, b); });
  remove_after(*last);
}

void Sampler::keep_probability(float probability) {
  std::vector<double> sums(kBuckets, 0.0);
  for (std::size_t i = 0; i < buckets_.size(); ++i) sums[buckets_[i]] += weights_[i];
  double total = 0.0;
  for (const double sum : sums) total += sum;
  const double wanted = static_cast<double>(probability) * total;
  double sum = 0.0;
  std::size_t bucket = 0;
  while (bucket < kBuckets && sum + sums[bucket] < wanted) sum += sums[bucket++];
  if (bucket == kBuckets) return;
  std::vector<std::uint32_t> ids = ids_in_bucket(bucket);
  std::ranges::sort(ids, [this](std::uint32_t a, std::uint32_t b) { return ranks_before(a, b); });
  std::size_t last = 0;
  for (sum += weights_[ids[0]]; sum < wanted && last + 1 < ids.size();) {
    sum += weights_[ids[++last]];
  }
  remove_after(ids[last]);
}

void Sampler::keep_ratio(float ratio) { remove_where(0, weights_.size(), weights_, ratio, true); }

// Of those as likely as the last that is kept, the lower ids stay.
void Sampler::remove_after(std::size_t last) {
  remove_where(0, last, z_, z_[last], true);
  remove_where(last + 1, z_.size(), z_, z_[last], false);
}

// Keeps the ids in [first, end) whose value is above the bound, or equal to it if that is said.
void Sampler::remove_where(std::size_t first, std::size_t end, const std::vector<float>& values,
                           float bound, bool keep_equal) {
  float* weights = weights_.data();
  const float* value = values.data();
  std::uint32_t removed = 0;
  for (std::size_t i = first; i < end; ++i) {
    const bool kept = keep_equal ? value[i] >= bound : value[i] > bound;
    const float weight = weights[i];
    removed |= (kept ? 0.0F : weight) > 0.0F ? 1U : 0U;
    weights[i] = kept ? weight : 0.0F;
  }
  removed_ = removed_ || removed != 0;
}

void Sampler::sum_blocks() {
  block_sums_.clear();
  total_ = 0.0;
  for (std::size_t first = 0; first < weights_.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, weights_.size() - first);
    block_sums_.push_back(sum_of(weights_.data() + first, count));
    total_ += block_sums_.back();
  }
}

// Rounding may leave the walk at the end of a block: then the block's last kept token is drawn.
std::size_t Sampler::draw_index(RngStream& draws) const {
  const double target = draws.uniform() * total_;
  std::size_t chosen_block = 0;
  double before = 0.0;
  double sum = 0.0;
  for (std::size_t block = 0; block < block_sums_.size(); ++block) {
    if (block_sums_[block] <= 0.0) continue;
    chosen_block = block;
    before = sum;
    sum += block_sums_[block];
    if (target < sum) break;
  }
  std::size_t chosen = 0;
  const std::size_t first = chosen_block * kBlock;
  for (std::size_t i = first; i < std::min(first + kBlock, weights_.size()); ++i) {
    if (weights_[i] <= 0.0F) continue;
    chosen = i;
    before += weights_[i];
    if (target < before) break;
  }
  return chosen;
}

SampledToken Sampler::draw(RngStream& draws) const {
  const std::size_t chosen = greedy_ ? likeliest_ : draw_index(draws);
  const float distance = logits_[chosen] * inverse_temperature_ - score_.max;
  SampledToken result{.token = static_cast<TokenId>(chosen),
                      .log_prob = 0.0F,
                      .policy_log_prob = distance - score_.log_sum};
  if (greedy_) return result;
  result.log_prob = removed_ ? distance - static_cast<float>(portable::log(total_))
                             : result.policy_log_prob;
  return result;
}

}  // namespace rl::language
