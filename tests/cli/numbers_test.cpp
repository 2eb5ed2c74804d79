#include "rl/cli/numbers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "rl/core/rng.h"

namespace rl::cli {

TEST_SUITE("cli numbers") {
  TEST_CASE("counts may be written plainly, with underscores or with an exponent") {
    CHECK(parse_count("0") == 0);
    CHECK(parse_count("100000") == 100000);
    CHECK(parse_count("100_000") == 100000);
    CHECK(parse_count("1e5") == 100000);
    CHECK(parse_count("2.5e6") == 2500000);
    CHECK(parse_count("1_000e3") == 1000000);
  }

  TEST_CASE("a count keeps every bit of a 64-bit number") {
    CHECK(parse_count("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
    CHECK(parse_count("9007199254740993") == 9007199254740993u);
  }

  TEST_CASE("what is not a whole number in range is not a count") {
    for (const char* text : {"", "-1", "1.5", "1e-3", "x", "1x", " 1", "1 ", "+-1", "1e17",
                             "18446744073709551616", "nan", "inf", "0x10", "1,000"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_count(text).has_value());
    }
  }

  TEST_CASE("underscores stand between digits only") {
    for (const char* text : {"_1", "1_", "1__0", "1_e5", "1e_5", "1_.5"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_number(text).has_value());
    }
  }

  TEST_CASE("numbers are finite decimals") {
    CHECK(parse_number("-0.25") == -0.25);
    CHECK(parse_number("3e-4") == 3e-4);
    CHECK(parse_number("1_000.5") == 1000.5);
    for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0,5", "0.5s", "--1"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_number(text).has_value());
    }
  }

  TEST_CASE("everyday numbers are written without an exponent") {
    CHECK(format_number(0.0) == "0");
    CHECK(format_number(0.2) == "0.2");
    CHECK(format_number(100000.0) == "100000");
    CHECK(format_number(0.00025) == "0.00025");
    CHECK(format_number(1e-5) == "1e-5");
    CHECK(format_number(-110.0) == "-110");
    CHECK(format_number(1e20) == "1e+20");
  }

  TEST_CASE("a written number reads back to the same bits") {
    RngStream stream(1, RngRole::test, 0);
    for (int i = 0; i < 2000; ++i) {
      const double value = stream.normal() * std::pow(10.0, stream.uniform(-200, 200));
      REQUIRE(parse_number(format_number(value)) == value);
    }
  }

  TEST_CASE("long counts are grouped for reading") {
    CHECK(group_digits(0) == "0");
    CHECK(group_digits(999) == "999");
    CHECK(group_digits(1000) == "1,000");
    CHECK(group_digits(1234567) == "1,234,567");
  }
}

}  // namespace rl::cli
