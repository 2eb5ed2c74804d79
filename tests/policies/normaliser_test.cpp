#include "rl/policies/normaliser.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/core/rng.h"

namespace rl {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> random_rows(std::size_t count, std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 0);
  std::vector<double> rows(count);
  for (double& value : rows) value = 100.0 + stream.uniform(-3.0, 3.0);
  return rows;
}

}  // namespace

TEST_SUITE_BEGIN("policies::normaliser");

TEST_CASE("mean and variance agree with two passes over all rows") {
  const std::vector<double> rows = random_rows(3 * 500, 1);
  RunningMoments moments(3);
  moments.update(std::span<const double>(rows));
  CHECK(moments.count() == 500);
  for (std::size_t column = 0; column < 3; ++column) {
    double mean = 0.0;
    double variance = 0.0;
    for (std::size_t i = column; i < rows.size(); i += 3) mean += rows[i] / 500.0;
    for (std::size_t i = column; i < rows.size(); i += 3) {
      variance += (rows[i] - mean) * (rows[i] - mean) / 500.0;
    }
    CHECK(moments.mean()[column] == doctest::Approx(mean).epsilon(1e-13));
    CHECK(moments.variance(column) == doctest::Approx(variance).epsilon(1e-11));
    CHECK(moments.variance()[column] == moments.variance(column));
  }
}

TEST_CASE("before the first row the mean is 0 and the variance 1") {
  const RunningMoments moments(2);
  CHECK(moments.mean()[1] == 0.0);
  CHECK(moments.variance(1) == 1.0);
  CHECK_THROWS_AS(RunningMoments(0), Error);
}

TEST_CASE("how rows are batched does not change a bit") {
  const std::vector<double> rows = random_rows(2 * 60, 2);
  RunningMoments whole(2);
  whole.update(std::span<const double>(rows));
  RunningMoments parts(2);
  for (std::size_t i = 0; i < rows.size(); i += 6) {
    parts.update(std::span<const double>(rows).subspan(i, 6));
  }
  CHECK(parts.save() == whole.save());
}

TEST_CASE("a restored state goes on with the same bytes") {
  const std::vector<double> first = random_rows(2 * 41, 3);
  const std::vector<double> second = random_rows(2 * 17, 4);
  RunningMoments moments(2);
  moments.update(std::span<const double>(first));
  RunningMoments restored(2);
  restored.restore(moments.save());
  moments.update(std::span<const double>(second));
  restored.update(std::span<const double>(second));
  CHECK(restored.save() == moments.save());
  RunningMoments other(2);
  other.update(std::span<const double>(second));
  CHECK(other.save() != moments.save());
}

TEST_CASE("a row with a value that is not finite is refused whole and counted") {
  RunningMoments moments(2);
  moments.update(std::vector<float>{1.0F, 2.0F});
  const std::vector<double> before = moments.save();
  moments.update(std::vector<double>{kNan, 0.0, 0.0, kInfinity, 1e101, 0.0});
  moments.update(std::vector<float>{0.0F, -std::numeric_limits<float>::infinity()});
  CHECK(moments.refused() == 4);
  CHECK(moments.count() == 1);
  CHECK(moments.mean()[0] == before[2]);
  moments.update(std::vector<double>{kNan, 0.0, 3.0, 4.0});
  CHECK(moments.count() == 2);
  CHECK(moments.mean()[1] == 3.0);
}

TEST_CASE("a state that could not have been saved is refused and changes nothing") {
  RunningMoments moments(1);
  moments.update(std::vector<float>{1.0F, 5.0F});
  const std::vector<double> good = moments.save();
  for (const std::vector<double>& bad :
       {std::vector<double>{}, {2, 0, 3}, {2, 0, 3, 8, 8}, {-1, 0, 3, 8}, {1.5, 0, 3, 8},
        {kNan, 0, 3, 8}, {2, 0, kNan, 8}, {2, 0, 3, -8}, {2, 0, 3, kInfinity}, {1e300, 0, 3, 8}}) {
    CHECK_THROWS_AS(moments.restore(bad), Error);
    CHECK(moments.save() == good);
  }
  CHECK_THROWS_AS(RunningMoments(2).update(std::vector<float>{1.0F}), Error);
}

TEST_CASE("the return normaliser follows the discounted return of every environment") {
  ReturnNormaliser normaliser(2, 0.9);
  RngStream stream(5, RngRole::test, 0);
  std::vector<double> running(2);
  std::vector<double> seen;
  for (int i = 0; i < 400; ++i) {
    const auto environment = static_cast<std::size_t>(i % 2);
    const double reward = stream.uniform(-1.0, 2.0);
    const bool ended = stream.below(10) == 0;
    running[environment] = 0.9 * running[environment] + reward;
    seen.push_back(running[environment]);
    if (ended) running[environment] = 0.0;
    normaliser.update(environment, reward, ended);
  }
  double mean = 0.0;
  double variance = 0.0;
  for (const double value : seen) mean += value / 400.0;
  for (const double value : seen) variance += (value - mean) * (value - mean) / 400.0;
  CHECK(normaliser.scale(0.5) == doctest::Approx(0.5 / std::sqrt(variance + 1e-8)));
  CHECK(normaliser.scale(1e6) == 10.0);
  CHECK(normaliser.scale(-1e6) == -10.0);
}

TEST_CASE("a return normaliser restored goes on with the same bytes") {
  ReturnNormaliser normaliser(3, 0.99);
  for (int i = 0; i < 50; ++i) normaliser.update(static_cast<std::size_t>(i % 3), 0.1 * i, i == 30);
  ReturnNormaliser restored(3, 0.99);
  restored.restore(normaliser.save());
  for (int i = 0; i < 50; ++i) {
    normaliser.update(static_cast<std::size_t>(i % 3), 0.3 * i, false);
    restored.update(static_cast<std::size_t>(i % 3), 0.3 * i, false);
  }
  CHECK(restored.save() == normaliser.save());
  CHECK_THROWS_AS(ReturnNormaliser(2, 0.99).restore(normaliser.save()), Error);
}

TEST_CASE("a reward that is not finite leaves the return as it was") {
  ReturnNormaliser normaliser(1, 0.5);
  normaliser.update(0, 2.0, false);
  const std::vector<double> before = normaliser.save();
  normaliser.update(0, kNan, false);
  CHECK(normaliser.moments().refused() == 1);
  CHECK(normaliser.save().back() == before.back());
  CHECK_THROWS_AS(ReturnNormaliser(1, 1.5), Error);
  CHECK_THROWS_AS(ReturnNormaliser(1, 0.9, 0.0), Error);
}

TEST_SUITE_END();

}  // namespace rl
