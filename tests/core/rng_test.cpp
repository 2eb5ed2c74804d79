#include "rl/core/shuffle.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace rl {
namespace {

std::vector<std::uint32_t> draws(RngStream stream, std::size_t count) {
  std::vector<std::uint32_t> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(stream.next_u32());
  return values;
}

// A stream whose first block has this counter: 48 bits of block number, 16 of role, 64 of index.
RngStream stream_at(const std::array<std::uint32_t, 4>& counter,
                    const std::array<std::uint32_t, 2>& key) {
  const std::uint64_t block = counter[0] | (std::uint64_t{counter[1] & 0xFFFFU} << 32);
  return RngStream(key[0] | (std::uint64_t{key[1]} << 32), static_cast<RngRole>(counter[1] >> 16),
                   counter[2] | (std::uint64_t{counter[3]} << 32), 4 * block);
}

}  // namespace

TEST_SUITE("random streams") {
  // Known-answer vectors philox4x32 with 10 rounds of the Random123 distribution (kat_vectors).
  TEST_CASE("Philox gives the published answers") {
    CHECK(draws(stream_at({0, 0, 0, 0}, {0, 0}), 4) ==
          std::vector<std::uint32_t>{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8});
    CHECK(
        draws(stream_at({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF}),
              4) == std::vector<std::uint32_t>{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD});
    CHECK(
        draws(stream_at({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
              4) == std::vector<std::uint32_t>{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1});
  }

  TEST_CASE("equal seed, role and index give equal draws, and any other gives others") {
    const RngStream stream(5, RngRole::action, 3);
    CHECK(draws(stream, 100) == draws(RngStream(5, RngRole::action, 3), 100));
    CHECK(draws(stream, 100) != draws(RngStream(6, RngRole::action, 3), 100));
    CHECK(draws(stream, 100) != draws(RngStream(5, RngRole::replay, 3), 100));
    CHECK(draws(stream, 100) != draws(RngStream(5, RngRole::action, 4), 100));
    CHECK(draws(stream, 100) != draws(RngStream(5 + (1ULL << 32), RngRole::action, 3), 100));
    CHECK(draws(stream, 100) != draws(RngStream(5, RngRole::action, 3 + (1ULL << 32)), 100));
  }

  TEST_CASE("a stream continues from a saved position, wherever in a block it is") {
    RngStream stream(8, RngRole::test, 1);
    const auto all = draws(stream, 64);
    for (std::uint64_t position = 0; position < 60; ++position) {
      RngStream later(8, RngRole::test, 1, position);
      CHECK(later.position() == position);
      CHECK(later.next_u32() == all[position]);
      CHECK(later.position() == position + 1);
      stream.seek(position);
      CHECK(draws(stream, 4) ==
            std::vector<std::uint32_t>(all.begin() + static_cast<std::ptrdiff_t>(position),
                                       all.begin() + static_cast<std::ptrdiff_t>(position) + 4));
    }
  }

  TEST_CASE("wide draws are made of two narrow ones, the low half first") {
    const auto words = draws(RngStream(1, RngRole::test, 0), 4);
    RngStream stream(1, RngRole::test, 0);
    CHECK(stream.next_u64() == (words[0] | (std::uint64_t{words[1]} << 32)));
    CHECK(stream.position() == 2);
    CHECK(stream.uniform() ==
          static_cast<double>((words[2] | (std::uint64_t{words[3]} << 32)) >> 11) * 0x1.0p-53);
  }

  TEST_CASE("uniform draws have the moments of [0, 1) and stay inside") {
    constexpr int kDraws = 100000;
    RngStream stream(2, RngRole::test, 0);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const double value = i % 2 == 0 ? stream.uniform() : stream.uniform_f32();
      REQUIRE(value >= 0.0);
      REQUIRE(value < 1.0);
      sum += value;
      squares += value * value;
    }
    CHECK(std::abs(sum / kDraws - 0.5) < 5 * std::sqrt(1.0 / 12 / kDraws));
    CHECK(std::abs(squares / kDraws - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / kDraws));
    for (int i = 0; i < 1000; ++i) {
      const double value = stream.uniform(-3.0, -2.0);
      CHECK(value >= -3.0);
      CHECK(value < -2.0);
    }
  }

  TEST_CASE("normal draws have mean 0, variance 1, kurtosis 3 and take four draws each") {
    constexpr int kDraws = 100000;
    RngStream stream(3, RngRole::test, 0);
    double sum = 0.0, squares = 0.0, fourths = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const double value = stream.normal();
      sum += value;
      squares += value * value;
      fourths += value * value * value * value;
    }
    CHECK(stream.position() == 4ULL * kDraws);
    CHECK(std::abs(sum / kDraws) < 5 * std::sqrt(1.0 / kDraws));
    CHECK(std::abs(squares / kDraws - 1.0) < 5 * std::sqrt(2.0 / kDraws));
    CHECK(std::abs(fourths / kDraws - 3.0) < 5 * std::sqrt(96.0 / kDraws));
  }

  TEST_CASE("below(n) reaches every value about equally often, and only those") {
    RngStream stream(4, RngRole::test, 0);
    for (const std::uint64_t n : {1ULL, 2ULL, 3ULL, 7ULL, 100ULL}) {
      constexpr int kPerValue = 1000;
      std::vector<int> counts(n, 0);
      for (std::uint64_t i = 0; i < kPerValue * n; ++i) {
        const auto value = stream.below(n);
        REQUIRE(value < n);
        ++counts[value];
      }
      for (const int count : counts) CHECK(std::abs(count - kPerValue) < 6 * std::sqrt(kPerValue));
    }
    for (const std::uint64_t n : {(1ULL << 63) + 1, ~0ULL}) CHECK(stream.below(n) < n);
  }

  TEST_CASE("episode seeds differ by run, role, environment and episode") {
    std::set<std::uint64_t> seeds;
    for (std::uint64_t run = 0; run < 5; ++run) {
      for (std::uint64_t index = 0; index < 20; ++index) {
        for (std::uint64_t episode = 0; episode < 20; ++episode) {
          seeds.insert(episode_seed(run, RngRole::environment, index, episode));
          seeds.insert(episode_seed(run, RngRole::evaluation, index, episode));
        }
      }
    }
    CHECK(seeds.size() == 5U * 20U * 20U * 2U);
    CHECK(episode_seed(1, RngRole::environment, 2, 3) ==
          episode_seed(1, RngRole::environment, 2, 3));
  }

  TEST_CASE("a shuffle has every order of three equally often, and its seed's order always") {
    std::map<std::vector<std::size_t>, int> counts;
    RngStream stream(7, RngRole::test, 0);
    constexpr int kShuffles = 60'000;
    for (int i = 0; i < kShuffles; ++i) {
      std::vector<std::size_t> numbers{0, 1, 2};
      shuffle(std::span(numbers), stream);
      ++counts[numbers];
    }
    CHECK(counts.size() == 6);
    for (const auto& [order, count] : counts) CHECK(std::abs(count - kShuffles / 6) < 500);
    const auto order = [](std::uint64_t seed) {
      return shuffled_indices(50, RngStream(seed, RngRole::test, 0));
    };
    CHECK(order(1) == order(1));
    CHECK(order(1) != order(2));
    const std::vector<std::size_t> one = order(1);
    CHECK(std::set(one.begin(), one.end()).size() == 50);
  }
}

}  // namespace rl
