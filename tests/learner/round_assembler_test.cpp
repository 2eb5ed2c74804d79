#include "learner/round_assembler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "rl/core/error.h"

namespace rl {
namespace {

const auto& schema() {
  static const auto made = std::make_shared<const FragmentSchema>(
      make_schema({.name = "Tiny",
                   .observations = {{.name = "state"}},
                   .actions = {{.name = "push", .dtype = DType::i32, .low = {0}, .high = {1}}}}));
  return made;
}

FragmentPtr fragment(std::uint64_t environment, std::uint64_t sequence, std::uint64_t round,
                     bool ends_round) {
  auto made = std::make_shared<Fragment>(schema(), 2, ends_round ? 1 : 0);
  made->header().environment = environment;
  made->header().sequence = sequence;
  made->header().round = round;
  made->header().ends_round = ends_round;
  if (ends_round) made->continuation()[0] = static_cast<std::byte>(sequence);
  return made;
}

// Two environments: three fragments of 0, two of 1.
std::vector<FragmentPtr> first_round() {
  return {fragment(0, 0, 1, false), fragment(0, 1, 1, false), fragment(0, 2, 1, true),
          fragment(1, 0, 1, false), fragment(1, 1, 1, true)};
}

TEST_SUITE("round assembler") {
  TEST_CASE("whatever the order of arrival, the round comes out by environment and sequence") {
    auto arriving = first_round();
    const auto expected = first_round();
    std::ranges::sort(arriving);
    do {
      RoundAssembler assembler(2);
      assembler.begin(1);
      for (std::size_t i = 0; i < arriving.size(); ++i) {
        CHECK_FALSE(assembler.complete());
        CHECK(assembler.add(arriving[i]) == Arrival::accepted);
      }
      REQUIRE(assembler.complete());
      const auto out = assembler.take();
      REQUIRE(out.size() == expected.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(out[i]->header().environment == expected[i]->header().environment);
        CHECK(out[i]->header().sequence == expected[i]->header().sequence);
      }
    } while (std::ranges::next_permutation(arriving).found);
  }

  TEST_CASE("what a replaced worker makes again is recognised") {
    RoundAssembler assembler(2);
    assembler.begin(1);
    for (const auto& one : first_round()) assembler.add(one);
    for (const auto& one : first_round()) CHECK(assembler.add(one) == Arrival::duplicate);
    CHECK(assembler.take().size() == 5);
    assembler.begin(2);
    CHECK(assembler.add(fragment(0, 2, 2, true)) == Arrival::duplicate);
    CHECK(assembler.add(fragment(0, 3, 2, true)) == Arrival::accepted);
  }

  TEST_CASE("another round's fragment is stale") {
    RoundAssembler assembler(1);
    assembler.begin(5);
    CHECK(assembler.add(fragment(0, 0, 4, true)) == Arrival::stale_round);
    CHECK(assembler.add(fragment(0, 0, 6, true)) == Arrival::stale_round);
    CHECK_FALSE(assembler.complete());
  }

  TEST_CASE("refused fragments complete the round and are not in it, wherever they stand") {
    const auto whole = first_round();
    for (unsigned refused = 0; refused < 1U << whole.size(); ++refused) {
      RoundAssembler assembler(2);
      assembler.begin(1);
      std::vector<FragmentPtr> expected;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        CHECK_FALSE(assembler.complete());
        if ((refused >> i) & 1U) {
          const auto continuation = whole[i]->continuation();
          CHECK(assembler.refuse(whole[i]->header(), {continuation.begin(), continuation.end()}) ==
                Arrival::accepted);
        } else {
          CHECK(assembler.add(whole[i]) == Arrival::accepted);
          expected.push_back(whole[i]);
        }
      }
      REQUIRE(assembler.complete());
      CHECK(assembler.take() == expected);
      // The environments stand behind the refused fragments too.
      CHECK(assembler.continuations() == std::vector<Bytes>{{std::byte{2}}, {std::byte{1}}});
      assembler.begin(2);
      CHECK(assembler.add(fragment(0, 2, 2, true)) == Arrival::duplicate);
      CHECK(assembler.add(fragment(0, 3, 2, true)) == Arrival::accepted);
      CHECK(assembler.add(fragment(1, 2, 2, true)) == Arrival::accepted);
      CHECK(assembler.complete());
    }
  }

  TEST_CASE("a refused fragment that a replaced worker makes again is a duplicate") {
    RoundAssembler assembler(1);
    assembler.begin(1);
    const auto first = fragment(0, 0, 1, false);
    CHECK(assembler.refuse(first->header(), {}) == Arrival::accepted);
    CHECK(assembler.refuse(first->header(), {}) == Arrival::duplicate);
    CHECK(assembler.add(first) == Arrival::duplicate);
    CHECK(assembler.refuse(fragment(0, 1, 2, false)->header(), {}) == Arrival::stale_round);
    CHECK_FALSE(assembler.complete());
    CHECK(assembler.missing() == std::vector<std::uint64_t>{0});
  }

  TEST_CASE("the environments that are missing are named") {
    RoundAssembler assembler(3);
    assembler.begin(1);
    CHECK(assembler.missing() == std::vector<std::uint64_t>{0, 1, 2});
    assembler.add(fragment(1, 0, 1, true));
    assembler.add(fragment(2, 1, 1, true));
    CHECK(assembler.missing() == std::vector<std::uint64_t>{0, 2});
  }

  TEST_CASE("rounds ahead of the open one wait until their turn, as far as they may") {
    RoundAssembler assembler(2, 2);
    assembler.begin(1);
    CHECK(assembler.add(fragment(0, 1, 2, true)) == Arrival::accepted);
    CHECK(assembler.add(fragment(0, 2, 3, true)) == Arrival::accepted);
    CHECK(assembler.add(fragment(0, 3, 4, true)) == Arrival::stale_round);
    CHECK(assembler.add(fragment(1, 0, 1, true)) == Arrival::accepted);
    CHECK(assembler.add(fragment(1, 1, 2, true)) == Arrival::accepted);
    CHECK_FALSE(assembler.complete());
    CHECK(assembler.missing() == std::vector<std::uint64_t>{0});
    CHECK(assembler.add(fragment(0, 0, 1, true)) == Arrival::accepted);
    REQUIRE(assembler.complete());
    CHECK(assembler.num_held() == 5);
    for (std::uint64_t round = 1; round <= 2; ++round) {
      const auto taken = assembler.take();
      REQUIRE(taken.size() == 2);
      for (const auto& one : taken) CHECK(one->header().round == round);
      assembler.begin(round + 1);
      CHECK(assembler.complete() == (round == 1));
    }
    CHECK(assembler.num_held() == 1);
    CHECK(assembler.add(fragment(0, 2, 3, true)) == Arrival::duplicate);
    CHECK(assembler.add(fragment(0, 1, 2, true)) == Arrival::stale_round);
    // What waits is not saved: it is made again.
    RoundAssembler restored(2, 2);
    restored.load_state(assembler.save_state());
    restored.begin(3);
    CHECK(restored.num_held() == 0);
    CHECK(restored.add(fragment(0, 2, 3, true)) == Arrival::accepted);
  }

  TEST_CASE("a fragment that calls itself of another round does not complete the open one") {
    RoundAssembler assembler(1, 2);
    assembler.begin(1);
    CHECK(assembler.add(fragment(0, 0, 2, true)) == Arrival::accepted);
    CHECK_FALSE(assembler.complete());
  }

  TEST_CASE("saved between rounds it continues with sequences and continuations") {
    RoundAssembler assembler(2);
    assembler.begin(1);
    for (const auto& one : first_round()) assembler.add(one);
    assembler.take();
    RoundAssembler restored(2);
    restored.load_state(assembler.save_state());
    CHECK(restored.continuations() == assembler.continuations());
    CHECK(restored.continuations()[0] == Bytes{std::byte{2}});
    restored.begin(2);
    CHECK(restored.add(fragment(0, 2, 2, true)) == Arrival::duplicate);
    CHECK(restored.add(fragment(0, 3, 2, true)) == Arrival::accepted);
    CHECK(restored.save_state() == assembler.save_state());
  }

  TEST_CASE("a damaged or foreign state is refused and changes nothing") {
    RoundAssembler two(2);
    const Bytes before = two.save_state();
    const Bytes three = RoundAssembler(3).save_state();
    CHECK_THROWS_WITH_AS(two.load_state(three), doctest::Contains("--num-envs"), Error);
    for (std::size_t size = 0; size < before.size(); ++size) {
      CHECK_THROWS_AS(two.load_state(std::span(before).first(size)), Error);
    }
    CHECK(two.save_state() == before);
  }
}

}  // namespace
}  // namespace rl
