// Balances producers and the learner.
#pragma once

#include <cstdint>
#include <limits>

namespace rl::replay {

// Samples wait until min_size items are resident. From then on the difference
//
//   inserted items * samples_per_insert - sampled items
//
// steers both sides: inserts wait while it is at max_difference or above, samples wait when they
// would bring it below min_difference. An insert is never split, so the difference may pass
// max_difference by what one insert adds. The defaults never wait beyond min_size.
struct RateLimiterOptions {
  std::uint64_t min_size = 1;  // items, at least 1
  double samples_per_insert = 1.0;
  double min_difference = -std::numeric_limits<double>::infinity();
  double max_difference = std::numeric_limits<double>::infinity();
};

// Throws Error naming the field when the bounds leave no way to proceed.
void validate(const RateLimiterOptions& options);

// Counts and decides; it does not wait. Threads: one at a time (the table's lock guards it).
class RateLimiter {
 public:
  explicit RateLimiter(RateLimiterOptions options);  // throws Error as validate() does

  bool can_insert(std::uint64_t num_items) const;  // num_items: resident now
  bool can_sample(std::uint64_t count, std::uint64_t num_items) const;
  // Throws Error when max_difference - min_difference is less than `count`: with such bounds
  // samples and inserts could wait for each other for ever.
  void require_possible(std::uint64_t count) const;
  void inserted(std::uint64_t count) { inserted_ += count; }
  void sampled(std::uint64_t count) { sampled_ += count; }
  std::uint64_t num_inserted() const { return inserted_; }
  std::uint64_t num_sampled() const { return sampled_; }
  void restore(std::uint64_t num_inserted, std::uint64_t num_sampled);

 private:
  double difference() const;

  RateLimiterOptions options_;
  std::uint64_t inserted_ = 0;
  std::uint64_t sampled_ = 0;
};

}  // namespace rl::replay
