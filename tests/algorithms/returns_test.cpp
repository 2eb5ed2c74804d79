#include "rl/algorithms/returns.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "rl/core/error.h"
#include "rl/core/rng.h"

using namespace rl;

namespace {

using Doubles = std::vector<double>;
using In = std::span<const double>;

constexpr FragmentEnd kEnds[] = {FragmentEnd::running, FragmentEnd::terminated,
                                 FragmentEnd::truncated};

struct Steps {
  Doubles rewards;
  Doubles values;  // [T + 1]
  Doubles log_ratios;
};

Steps random_steps(std::uint64_t seed, std::size_t count) {
  RngStream stream(seed, RngRole::test, 0);
  Steps steps;
  for (std::size_t t = 0; t < count; ++t) {
    steps.rewards.push_back(stream.normal());
    steps.log_ratios.push_back(0.5 * stream.normal());
  }
  for (std::size_t t = 0; t <= count; ++t) steps.values.push_back(stream.normal());
  return steps;
}

// Values with the one behind a terminated end taken as 0.
Doubles bootstrapped(const Steps& steps, FragmentEnd end) {
  Doubles values = steps.values;
  if (end == FragmentEnd::terminated) values.back() = 0.0;
  return values;
}

double delta(const Steps& steps, const Doubles& values, std::size_t t, double discount) {
  return steps.rewards[t] + discount * values[t + 1] - values[t];
}

double difference(const Doubles& a, const Doubles& b) {
  REQUIRE(a.size() == b.size());
  double greatest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::abs(a[i] - b[i]));
  return greatest;
}

}  // namespace

TEST_SUITE("returns") {
  TEST_CASE("GAE equals the sum of discounted errors of its definition") {
    for (const FragmentEnd end : kEnds) {
      for (const std::size_t count : {1U, 2U, 17U}) {
        const Steps steps = random_steps(count, count);
        const Doubles values = bootstrapped(steps, end);
        Doubles expected(count);
        for (std::size_t t = 0; t < count; ++t) {
          for (std::size_t k = t; k < count; ++k) {
            expected[t] += std::pow(0.9 * 0.8, k - t) * delta(steps, values, k, 0.9);
          }
        }
        Doubles advantages(count);
        gae<double>(steps.rewards, steps.values, end, 0.9, 0.8, advantages);
        CHECK(difference(advantages, expected) < 1e-12);
      }
    }
  }

  TEST_CASE("GAE with lambda 0 is the one-step error and with lambda 1 the return less the value") {
    const Steps steps = random_steps(1, 9);
    Doubles advantages(9);
    gae<double>(steps.rewards, steps.values, FragmentEnd::truncated, 0.9, 0.0, advantages);
    for (std::size_t t = 0; t < 9; ++t) {
      CHECK(advantages[t] == doctest::Approx(delta(steps, steps.values, t, 0.9)));
    }
    gae<double>(steps.rewards, steps.values, FragmentEnd::truncated, 0.9, 1.0, advantages);
    Doubles returns(9);
    discounted_returns<double>(steps.rewards, steps.values.back(), FragmentEnd::truncated, 0.9,
                               returns);
    for (std::size_t t = 0; t < 9; ++t) {
      CHECK(advantages[t] + steps.values[t] == doctest::Approx(returns[t]));
    }
  }

  TEST_CASE("the value behind a terminated end is never read, behind a truncated one it counts") {
    Steps steps = random_steps(2, 5);
    Doubles before(5);
    Doubles after(5);
    for (const FragmentEnd end : kEnds) {
      steps.values.back() = 1.0;
      gae<double>(steps.rewards, steps.values, end, 0.9, 0.9, before);
      steps.values.back() = 1e9;
      gae<double>(steps.rewards, steps.values, end, 0.9, 0.9, after);
      CHECK((before == after) == (end == FragmentEnd::terminated));
    }
  }

  TEST_CASE("discounted returns equal their sum") {
    for (const FragmentEnd end : kEnds) {
      const Steps steps = random_steps(3, 12);
      const double final_value = end == FragmentEnd::terminated ? 0.0 : 2.0;
      Doubles expected(12);
      for (std::size_t t = 0; t < 12; ++t) {
        for (std::size_t k = t; k < 12; ++k) {
          expected[t] += std::pow(0.95, k - t) * steps.rewards[k];
        }
        expected[t] += std::pow(0.95, 12 - t) * final_value;
      }
      Doubles returns(12);
      discounted_returns<double>(steps.rewards, 2.0, end, 0.95, returns);
      CHECK(difference(returns, expected) < 1e-12);
    }
  }

  TEST_CASE("n-step returns equal their sum, cut at the fragment's end") {
    for (const FragmentEnd end : kEnds) {
      for (const std::size_t n : {1U, 3U, 50U}) {
        const Steps steps = random_steps(4, 10);
        const Doubles values = bootstrapped(steps, end);
        Doubles expected(10);
        for (std::size_t t = 0; t < 10; ++t) {
          const std::size_t m = std::min<std::size_t>(n, 10 - t);
          for (std::size_t k = 0; k < m; ++k) {
            expected[t] += std::pow(0.9, k) * steps.rewards[t + k];
          }
          expected[t] += std::pow(0.9, m) * values[t + m];
        }
        Doubles returns(10);
        n_step_returns<double>(steps.rewards, steps.values, end, n, 0.9, returns);
        CHECK(difference(returns, expected) < 1e-12);
      }
    }
  }

  TEST_CASE("V-trace equals the sum of its definition") {
    const VtraceOptions options{.discount = 0.9, .lambda = 0.95, .rho_clip = 1.2, .c_clip = 0.9};
    for (const FragmentEnd end : kEnds) {
      const Steps steps = random_steps(5, 14);
      const Doubles values = bootstrapped(steps, end);
      const auto rho = [&](std::size_t t) { return std::min(1.2, std::exp(steps.log_ratios[t])); };
      const auto c = [&](std::size_t t) {
        return 0.95 * std::min(0.9, std::exp(steps.log_ratios[t]));
      };
      Doubles expected = values;
      for (std::size_t t = 0; t < 14; ++t) {
        for (std::size_t k = t; k < 14; ++k) {
          double trace = std::pow(0.9, k - t);
          for (std::size_t i = t; i < k; ++i) trace *= c(i);
          expected[t] += trace * rho(k) * delta(steps, values, k, 0.9);
        }
      }
      Doubles targets(14);
      Doubles advantages(14);
      vtrace<double>(steps.rewards, steps.values, steps.log_ratios, end, options, targets,
                     advantages);
      for (std::size_t t = 0; t < 14; ++t) {
        CHECK(targets[t] == doctest::Approx(expected[t]));
        CHECK(advantages[t] == doctest::Approx(rho(t) * (steps.rewards[t] +
                                                         0.9 * expected[t + 1] - values[t])));
      }
    }
  }

  TEST_CASE("V-trace on-policy with unit clips is the n-step return over the whole fragment") {
    for (const FragmentEnd end : kEnds) {
      Steps steps = random_steps(6, 11);
      steps.log_ratios.assign(11, 0.0);
      Doubles targets(11);
      Doubles advantages(11);
      Doubles returns(11);
      vtrace<double>(steps.rewards, steps.values, steps.log_ratios, end, {}, targets, advantages);
      n_step_returns<double>(steps.rewards, steps.values, end, 11, 0.99, returns);
      CHECK(difference(targets, returns) < 1e-12);
    }
  }

  TEST_CASE("an episode cut in pieces at exact values has the advantages of the whole") {
    // With lambda 1 the advantage over a cut is right when the value at the cut is exact.
    const Steps steps = random_steps(7, 8);
    Doubles exact(8);
    discounted_returns<double>(steps.rewards, 0.0, FragmentEnd::terminated, 0.9, exact);
    Doubles values = exact;
    values.push_back(0.0);
    Doubles whole(8);
    Doubles pieces(8);
    gae<double>(steps.rewards, values, FragmentEnd::terminated, 0.9, 1.0, whole);
    gae<double>(In(steps.rewards).first(3), In(values).first(4), FragmentEnd::running, 0.9, 1.0,
                std::span(pieces).first(3));
    gae<double>(In(steps.rewards).subspan(3), In(values).subspan(3), FragmentEnd::terminated, 0.9,
                1.0, std::span(pieces).subspan(3));
    CHECK(difference(whole, pieces) < 1e-12);
  }

  TEST_CASE("single precision differs from double by rounding alone") {
    const Steps steps = random_steps(8, 64);
    const std::vector<float> rewards(steps.rewards.begin(), steps.rewards.end());
    const std::vector<float> values(steps.values.begin(), steps.values.end());
    std::vector<float> single(64);
    Doubles expected(64);
    gae<float>(rewards, values, FragmentEnd::running, 0.99, 0.95, single);
    gae<double>(steps.rewards, steps.values, FragmentEnd::running, 0.99, 0.95, expected);
    CHECK(difference(Doubles(single.begin(), single.end()), expected) < 1e-5);
  }

  TEST_CASE("spans of the wrong length are refused by name and nothing is written") {
    const Steps steps = random_steps(9, 4);
    Doubles out(4, 7.0);
    const Doubles untouched = out;
    CHECK_THROWS_WITH_AS(gae<double>(steps.rewards, steps.rewards, FragmentEnd::running, 0.9, 0.9,
                                     out),
                         doctest::Contains("values"), Error);
    CHECK_THROWS_WITH_AS(gae<double>(steps.rewards, steps.values, FragmentEnd::running, 0.9, 0.9,
                                     std::span(out).first(3)),
                         doctest::Contains("advantages"), Error);
    CHECK_THROWS_WITH_AS(discounted_returns<double>(steps.rewards, 0.0, FragmentEnd::running, 0.9,
                                                    std::span(out).first(3)),
                         doctest::Contains("returns"), Error);
    CHECK_THROWS_WITH_AS(n_step_returns<double>(steps.rewards, steps.values,
                                                FragmentEnd::running, 0, 0.9, out),
                         doctest::Contains("n is out of range"), Error);
    CHECK_THROWS_WITH_AS(vtrace<double>(steps.rewards, steps.values, steps.values,
                                        FragmentEnd::running, {}, out, out),
                         doctest::Contains("log_ratios"), Error);
    CHECK(out == untouched);
  }
}
