#include "rl/replay/rate_limiter.h"

#include <cmath>
#include <string>

#include "rl/core/error.h"

namespace rl::replay {
namespace {

constexpr const char* kWhere = "replay rate limiter";

}  // namespace

void validate(const RateLimiterOptions& options) {
  if (options.min_size == 0) {
    throw Error({.where = kWhere, .what = "min_size is 0", .expected = "at least 1 item"});
  }
  if (!std::isfinite(options.samples_per_insert) || options.samples_per_insert <= 0.0) {
    throw Error({.where = kWhere,
                 .what = "samples_per_insert is out of range",
                 .expected = "a finite number above 0",
                 .got = std::to_string(options.samples_per_insert)});
  }
  // Also refuses NaN, which compares false.
  if (!(options.max_difference - options.min_difference >= 1.0)) {
    throw Error({.where = kWhere,
                 .what = "max_difference - min_difference leaves no room for one sample",
                 .expected = "at least 1",
                 .got = "min_difference " + std::to_string(options.min_difference) +
                        ", max_difference " + std::to_string(options.max_difference),
                 .remedy = "raise max_difference to min_difference + the batch size or more"});
  }
}

RateLimiter::RateLimiter(RateLimiterOptions options) : options_(options) { validate(options); }

double RateLimiter::difference() const {
  return static_cast<double>(inserted_) * options_.samples_per_insert -
         static_cast<double>(sampled_);
}

bool RateLimiter::can_insert(std::uint64_t num_items) const {
  return num_items < options_.min_size || difference() < options_.max_difference;
}

bool RateLimiter::can_sample(std::uint64_t count, std::uint64_t num_items) const {
  return num_items >= options_.min_size &&
         difference() - static_cast<double>(count) >= options_.min_difference;
}

void RateLimiter::require_possible(std::uint64_t count) const {
  if (options_.max_difference - options_.min_difference >= static_cast<double>(count)) return;
  throw Error({.where = kWhere,
               .what = "a batch does not fit between min_difference and max_difference",
               .expected = "max_difference >= min_difference + " + std::to_string(count),
               .got = "min_difference " + std::to_string(options_.min_difference) +
                      ", max_difference " + std::to_string(options_.max_difference),
               .remedy = "raise max_difference or sample fewer items at once"});
}

void RateLimiter::restore(std::uint64_t num_inserted, std::uint64_t num_sampled) {
  inserted_ = num_inserted;
  sampled_ = num_sampled;
}

}  // namespace rl::replay
