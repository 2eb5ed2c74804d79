#include "rl/language/arithmetic.h"

#include <doctest/doctest.h>

TEST_SUITE_BEGIN("language::arithmetic");

using namespace rl::language;

namespace {

std::string value_of(const std::string& text) {
  const auto value = evaluate_arithmetic(text);
  return value ? to_string(*value) : "none";
}

}  // namespace

TEST_CASE("sums have their usual meaning, exactly") {
  CHECK(value_of("47+85") == "132");
  CHECK(value_of("2+3*4") == "14");
  CHECK(value_of("(2+3)*4") == "20");
  CHECK(value_of("10-4-3") == "3");
  CHECK(value_of("100/10/5") == "2");
  CHECK(value_of("-3+-(2)") == "-5");
  CHECK(value_of(" 1 + 2 ") == "3");
  CHECK(value_of("0.1+.2") == "0.3");
  CHECK(value_of("12/60") == "0.2");
  CHECK(value_of("1,200*2") == "2400");
  CHECK(value_of("1/3") == "0.333333333");
  CHECK(value_of("2/3*3") == "2");
  CHECK(value_of("-2/3") == "-0.666666667");
  CHECK(value_of("1/10000000000") == "0");
  CHECK(value_of("-1/10000000000") == "0");
}

TEST_CASE("what is no sum has no value") {
  for (const char* text : {"", " ", "x", "1+", "+", "(1", "1)", "1 2", "1//2", "1.", ".", "1..2",
                           "2^3", "1/0", "1/(2-2)", "0x10", "1e5", "1=1", "()"}) {
    CAPTURE(text);
    CHECK(value_of(text) == "none");
  }
}

TEST_CASE("values beyond 64 bits, deep brackets and long texts have no value") {
  CHECK(value_of("999999999999999999*999999999999999999") == "none");
  CHECK(value_of("9999999999999999999") == "none");
  CHECK(value_of("999999999999999999*9+999999999999999999") == "none");
  CHECK(value_of(std::string(40, '(') + "1" + std::string(40, ')')) == "none");
  CHECK(value_of(std::string(20, '(') + "1" + std::string(20, ')')) == "1");
  CHECK(value_of(std::string(200, '-') + "1") == "none");
  CHECK(value_of("1" + std::string(2000, ' ')) == "none");
  std::string sum = "1";
  for (int i = 0; i < 500; ++i) sum += "+1";
  CHECK(value_of(sum) == "501");
}

TEST_CASE("the numbers are told as they were written") {
  const auto value = evaluate_arithmetic("(25-5)*3 + 0.50");
  REQUIRE(value.has_value());
  CHECK(value->numbers == std::vector<std::string>{"25", "5", "3", "0.50"});
  CHECK(value->numerator == 121);
  CHECK(value->denominator == 2);
  CHECK(evaluate_arithmetic("6/3")->is(2));
  CHECK_FALSE(evaluate_arithmetic("5/2")->is(2));
}

TEST_SUITE_END();
