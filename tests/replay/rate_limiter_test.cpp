#include "rl/replay/rate_limiter.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl::replay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST_SUITE("RateLimiter") {
  TEST_CASE("by default nothing waits beyond the first item") {
    RateLimiter limiter({});
    CHECK(limiter.can_insert(0));
    CHECK_FALSE(limiter.can_sample(1, 0));
    limiter.inserted(1);
    CHECK(limiter.can_sample(1000000, 1));
    CHECK(limiter.can_insert(1));
  }

  TEST_CASE("samples wait until min_size items are resident") {
    RateLimiter limiter({.min_size = 10});
    limiter.inserted(10);
    CHECK_FALSE(limiter.can_sample(1, 9));
    CHECK(limiter.can_sample(1, 10));
  }

  TEST_CASE("samples wait when they would bring the difference below its minimum") {
    RateLimiter limiter({.samples_per_insert = 2.0, .min_difference = 0.0, .max_difference = 64.0});
    limiter.inserted(8);
    CHECK(limiter.can_sample(16, 8));
    CHECK_FALSE(limiter.can_sample(17, 8));
    limiter.sampled(16);
    CHECK_FALSE(limiter.can_sample(1, 8));
    limiter.inserted(1);
    CHECK(limiter.can_sample(2, 9));
  }

  TEST_CASE("inserts wait while the difference is at its maximum, but never below min_size") {
    RateLimiter limiter({.min_size = 6, .min_difference = 0.0, .max_difference = 4.0});
    limiter.inserted(5);
    CHECK(limiter.can_insert(5));
    limiter.inserted(1);
    CHECK_FALSE(limiter.can_insert(6));
    limiter.sampled(3);
    CHECK(limiter.can_insert(6));
    limiter.inserted(1);
    CHECK_FALSE(limiter.can_insert(7));
  }

  TEST_CASE("when max_difference leaves room for a batch one side can always go on") {
    RateLimiter limiter({.samples_per_insert = 0.7, .min_difference = 3.0, .max_difference = 35.0});
    std::uint64_t resident = 0;
    for (int i = 0; i < 10000; ++i) {
      if (limiter.can_sample(32, resident)) {
        limiter.sampled(32);
      } else {
        REQUIRE(limiter.can_insert(resident));
        limiter.inserted(13);
        resident += 13;
      }
    }
    CHECK(limiter.num_sampled() > 0);
  }

  TEST_CASE("a batch that the bounds can never admit is refused") {
    const RateLimiter limiter({.min_difference = 0.0, .max_difference = 31.0});
    CHECK_NOTHROW(limiter.require_possible(31));
    CHECK_THROWS_WITH_AS(limiter.require_possible(32), doctest::Contains("max_difference"), Error);
  }

  TEST_CASE("restored counts decide as the counted ones did") {
    RateLimiter limiter({.min_difference = 0.0, .max_difference = 8.0});
    limiter.restore(10, 7);
    CHECK(limiter.num_inserted() == 10);
    CHECK(limiter.num_sampled() == 7);
    CHECK(limiter.can_sample(3, 5));
    CHECK_FALSE(limiter.can_sample(4, 5));
  }

  TEST_CASE("options that leave no way to proceed are refused by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto refused = [](const RateLimiterOptions& options, const char* field) {
      CHECK_THROWS_WITH_AS(RateLimiter{options}, doctest::Contains(field), Error);
    };
    refused({.min_size = 0}, "min_size");
    refused({.samples_per_insert = 0.0}, "samples_per_insert");
    refused({.samples_per_insert = -1.0}, "samples_per_insert");
    refused({.samples_per_insert = kInfinity}, "samples_per_insert");
    refused({.samples_per_insert = nan}, "samples_per_insert");
    refused({.min_difference = 5.0, .max_difference = 5.5}, "max_difference");
    refused({.min_difference = 5.0, .max_difference = 4.0}, "max_difference");
    refused({.min_difference = nan}, "max_difference");
    refused({.max_difference = nan}, "max_difference");
    refused({.min_difference = kInfinity}, "max_difference");
    CHECK_NOTHROW(RateLimiter{{.min_difference = 5.0, .max_difference = 6.0}});
  }
}

}  // namespace
}  // namespace rl::replay
