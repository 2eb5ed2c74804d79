#include "rl/policies/initialisation.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {

TEST_SUITE_BEGIN("policies::initialisation");

TEST_CASE("an orthogonal matrix has orthonormal rows or columns times the gain") {
  struct Extents {
    std::int64_t out;
    std::int64_t in;
  };
  for (const Extents extents : {Extents{64, 8}, Extents{8, 64}, Extents{16, 16}, Extents{1, 5}}) {
    const std::int64_t out = extents.out;
    const std::int64_t in = extents.in;
    const double gain = 1.7;
    std::vector<float> weight(static_cast<std::size_t>(out * in));
    orthogonal(weight, out, in, gain, RngStream(1, RngRole::initialisation, 0));
    const std::int64_t narrow = std::min(out, in);
    for (std::int64_t a = 0; a < narrow; ++a) {
      for (std::int64_t b = 0; b < narrow; ++b) {
        double product = 0.0;
        for (std::int64_t k = 0; k < std::max(out, in); ++k) {
          const auto at = [&](std::int64_t i) {
            return double{weight[static_cast<std::size_t>(out >= in ? k * in + i : i * in + k)]};
          };
          product += at(a) * at(b);
        }
        REQUIRE(std::abs(product - (a == b ? gain * gain : 0.0)) < 1e-6);
      }
    }
    CHECK(std::isfinite(weight[0]));
  }
}

TEST_CASE("orthogonal matrices are uniformly distributed: every entry averages to 0") {
  constexpr int kMatrices = 2000;
  std::vector<double> mean(9);
  for (std::uint64_t i = 0; i < kMatrices; ++i) {
    std::vector<float> weight(9);
    orthogonal(weight, 3, 3, 1.0, RngStream(7, RngRole::initialisation, i));
    for (std::size_t k = 0; k < 9; ++k) mean[k] += weight[k] / kMatrices;
  }
  for (const double value : mean) CHECK(std::abs(value) < 5.0 * std::sqrt(1.0 / 3.0 / kMatrices));
}

TEST_CASE("uniform values fill the range of the layer's inputs") {
  std::vector<float> values(20'000);
  uniform_fan_in(values, 16, RngStream(1, RngRole::initialisation, 0));
  double mean = 0.0;
  double square = 0.0;
  for (const float value : values) {
    REQUIRE(std::abs(value) <= 0.25F);
    mean += value / 20'000.0;
    square += value * value / 20'000.0;
  }
  CHECK(std::abs(mean) < 5.0 * 0.25 / std::sqrt(3.0 * 20'000.0));
  CHECK(square == doctest::Approx(0.25 * 0.25 / 3.0).epsilon(0.05));
}

TEST_CASE("equal streams give equal weights and another stream others") {
  const auto draw = [](std::uint64_t tensor) {
    std::vector<float> values(64);
    orthogonal(values, 8, 8, 1.0, RngStream(1, RngRole::initialisation, tensor));
    std::vector<float> more(16);
    uniform_fan_in(more, 4, RngStream(1, RngRole::initialisation, tensor));
    values.insert(values.end(), more.begin(), more.end());
    return values;
  };
  CHECK(draw(3) == draw(3));
  CHECK(draw(3) != draw(4));
}

TEST_CASE("a span of the wrong length is refused") {
  std::vector<float> values(6);
  const RngStream stream(1, RngRole::initialisation, 0);
  CHECK_THROWS_AS(orthogonal(values, 2, 2, 1.0, stream), Error);
  CHECK_THROWS_AS(orthogonal(values, 0, 6, 1.0, stream), Error);
  CHECK_THROWS_AS(uniform_fan_in(values, 0, stream), Error);
}

TEST_SUITE_END();

}  // namespace rl
