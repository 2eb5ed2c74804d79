#include "rl/core/error.h"

#include <string>

#include <doctest/doctest.h>

#include "rl/core/clock.h"

namespace rl {

TEST_SUITE("errors") {
  TEST_CASE("a message says where, what, expected, got and what to do") {
    const ErrorText text{.where = "table",
                         .what = "it is full",
                         .expected = "10 steps",
                         .got = "11",
                         .remedy = "raise the capacity"};
    CHECK(to_string(text) == "[table] it is full: expected 10 steps, got 11; raise the capacity");
    CHECK(std::string(Error(text).what()) == to_string(text));
  }

  TEST_CASE("empty parts are left out") {
    CHECK(to_string({.where = "a", .what = "b"}) == "[a] b");
    CHECK(to_string({.where = "a", .what = "b", .got = "c"}) == "[a] b: got c");
    CHECK(to_string({.where = "a", .what = "b", .expected = "c"}) == "[a] b: expected c");
    CHECK(to_string({.where = "a", .what = "b", .remedy = "c"}) == "[a] b; c");
  }
}

TEST_SUITE("clocks") {
  TEST_CASE("a manual clock moves only when told to") {
    ManualClock clock;
    CHECK(clock.now() == Nanoseconds(0));
    clock.advance(std::chrono::milliseconds(3));
    clock.advance(Nanoseconds(4));
    CHECK(clock.now() == Nanoseconds(3000004));
  }

  TEST_CASE("the steady clock never goes back") {
    Nanoseconds last = steady_clock().now();
    for (int i = 0; i < 1000; ++i) {
      const Nanoseconds now = steady_clock().now();
      CHECK(now >= last);
      last = now;
    }
    CHECK(&steady_clock() == &steady_clock());
  }
}

}  // namespace rl
