#include "rl/core/portable_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <doctest/doctest.h>

namespace rl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double relative_error(double got, double expected) {
  if (got == expected) return 0.0;
  return std::abs(got - expected) / std::max(std::abs(expected), 1e-300);
}

template <class F, class G>
double worst_error(F ours, G theirs, double low, double high) {
  RngStream stream(2, RngRole::test, 0);
  double worst = 0.0;
  for (int i = 0; i < 20'000; ++i) {
    const double x = stream.uniform(low, high);
    worst = std::max(worst, relative_error(ours(x), theirs(x)));
  }
  return worst;
}

}  // namespace

TEST_SUITE_BEGIN("core::portable_math");

TEST_CASE("elementary functions agree with the C library to a few units in the last place") {
  const auto std_exp = [](double x) { return std::exp(x); };
  const auto std_log = [](double x) { return std::log(x); };
  const auto std_log1p = [](double x) { return std::log1p(x); };
  const auto std_tanh = [](double x) { return std::tanh(x); };
  const auto std_atanh = [](double x) { return std::atanh(x); };
  const auto std_softplus = [](double x) {
    return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  };
  CHECK(worst_error(portable::exp, std_exp, -700.0, 700.0) < 4e-16);
  CHECK(worst_error(portable::exp, std_exp, -1.0, 1.0) < 4e-16);
  CHECK(worst_error(portable::log, std_log, 1e-9, 3.0) < 1e-15);
  CHECK(worst_error(portable::log, std_log, 1.0, 1e9) < 1e-15);
  CHECK(worst_error(portable::log1p, std_log1p, -0.5, 0.5) < 2e-15);
  CHECK(worst_error(portable::tanh, std_tanh, -0.3, 0.3) < 2e-15);
  CHECK(worst_error(portable::tanh, std_tanh, -25.0, 25.0) < 2e-15);
  CHECK(worst_error(portable::atanh, std_atanh, -0.9999, 0.9999) < 4e-15);
  CHECK(worst_error(portable::softplus, std_softplus, -40.0, 40.0) < 1e-15);
}

TEST_CASE("the cosine agrees with the C library over a whole turn") {
  double worst = 0.0;
  for (int i = 0; i < 20'000; ++i) {
    const double turns = i / 20'000.0;
    worst = std::max(worst, std::abs(portable::cos_two_pi(turns) -
                                     std::cos(2.0 * std::numbers::pi * turns)));
  }
  CHECK(worst < 1e-15);
  CHECK(portable::cos_two_pi(0.25) == 0.0);
  CHECK(portable::cos_two_pi(0.5) == -1.0);
}

TEST_CASE("limits and strange arguments are handled") {
  CHECK(portable::exp(0.0) == 1.0);
  CHECK(portable::exp(-kInfinity) == 0.0);
  CHECK(portable::exp(kInfinity) == kInfinity);
  CHECK(portable::exp(-744.0) == std::exp(-744.0));
  CHECK(portable::exp(-800.0) == 0.0);
  CHECK(portable::exp(800.0) == kInfinity);
  CHECK(std::isnan(portable::exp(std::nan(""))));
  CHECK(portable::log(1.0) == 0.0);
  CHECK(portable::log(0.0) == -kInfinity);
  CHECK(portable::log(kInfinity) == kInfinity);
  CHECK(portable::log(5e-324) == doctest::Approx(std::log(5e-324)));
  CHECK(std::isnan(portable::log(-1.0)));
  CHECK(std::isnan(portable::log(std::nan(""))));
  CHECK(portable::tanh(40.0) == 1.0);
  CHECK(portable::tanh(-1000.0) == -1.0);
  CHECK(std::isnan(portable::tanh(std::nan(""))));
  CHECK(portable::softplus(1000.0) == 1000.0);
  CHECK(portable::softplus(-1000.0) == 0.0);
}

TEST_CASE("the normal draws the same numbers as the stream's own, to rounding") {
  RngStream ours(4, RngRole::test, 0);
  RngStream theirs(4, RngRole::test, 0);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(std::abs(portable::standard_normal(ours) - theirs.normal()) < 1e-14);
    REQUIRE(ours.position() == theirs.position());
  }
  CHECK(ours.position() == 1000 * portable::kNormalDraws);
}

TEST_SUITE_END();

}  // namespace rl
