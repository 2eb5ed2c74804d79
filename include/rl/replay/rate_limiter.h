// Balances producers and the learner.
#pragma once

#include <cstdint>
#include <limits>

namespace rl::replay {

// Samples wait until min_size items are in. Then the difference
// inserted * samples_per_insert - sampled is kept within [min_difference, max_difference]: inserts
// wait above, samples below. The defaults never wait beyond min_size.
struct RateLimiterOptions {
  std::uint64_t min_size = 1;  // items
  double samples_per_insert = 1.0;
  double min_difference = -std::numeric_limits<double>::infinity();
  double max_difference = std::numeric_limits<double>::infinity();
};

// Throws Error naming the field when the bounds leave no way to proceed.
void validate(const RateLimiterOptions& options);

// Counts and decides; it does not wait. Threads: one at a time (the table's lock guards it).
class RateLimiter {
 public:
  explicit RateLimiter(RateLimiterOptions options);

  bool can_insert(std::uint64_t count) const;
  bool can_sample(std::uint64_t count, std::uint64_t num_items) const;
  void inserted(std::uint64_t count) { inserted_ += count; }
  void sampled(std::uint64_t count) { sampled_ += count; }
  std::uint64_t num_inserted() const { return inserted_; }
  std::uint64_t num_sampled() const { return sampled_; }
  void restore(std::uint64_t num_inserted, std::uint64_t num_sampled);

 private:
  RateLimiterOptions options_;
  std::uint64_t inserted_ = 0;
  std::uint64_t sampled_ = 0;
};

}  // namespace rl::replay
