#include "rl/rollout/text_episode.h"

#include <doctest/doctest.h>

#include <functional>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

const EnvironmentSpec kSpec = text_spec(100, 16, 2.0);

std::shared_ptr<const FragmentSchema> schema() {
  return std::make_shared<const FragmentSchema>(make_schema(kSpec));
}

// Three prompt tokens, one of the policy, two of a tool, one of the policy.
TextEpisode example() {
  return {.tokens = {5, 6, 7, 8, 20, 21, 9},
          .sampled = {0, 0, 0, 1, 0, 0, 1},
          .log_probs = {0, 0, 0, -0.5F, 0, 0, -1.5F},
          .versions = {3, 3, 3, 3, 3, 3, 4},
          .score = 0.75,
          .truncated = true,
          .place = 11,
          .group = 42,
          .round = 3};
}

template <class T>
std::vector<T> column(const Fragment& fragment, const char* name) {
  const auto values = fragment.column<T>(fragment.schema().require(name));
  return {values.begin(), values.end()};
}

TEST_SUITE("text episode") {
  TEST_CASE("step t sees token t and its action is token t + 1") {
    const FragmentPtr fragment = to_fragment(example(), schema());
    CHECK(fragment->num_steps() == 6);
    CHECK(column<std::int32_t>(*fragment, "observation.token") == example().tokens);
    CHECK(column<std::uint8_t>(*fragment, "observation.sampled") == example().sampled);
    CHECK(column<std::int32_t>(*fragment, "action.token") ==
          std::vector<std::int32_t>{6, 7, 8, 20, 21, 9});
    CHECK(column<float>(*fragment, "log_prob") ==
          std::vector<float>{0, 0, -0.5F, 0, 0, -1.5F});
    CHECK(column<float>(*fragment, "reward") == std::vector<float>{0, 0, 0, 0, 0, 0.75F});
    CHECK(column<std::int64_t>(*fragment, "policy_version") ==
          std::vector<std::int64_t>{3, 3, 3, 3, 3, 4});
  }

  TEST_CASE("the header says whose text it is and that it ends the place's round") {
    const FragmentHeader header = to_fragment(example(), schema())->header();
    CHECK(header.environment == 11);
    CHECK(header.group == 42);
    CHECK(header.round == 3);
    CHECK(header.sequence == 2);
    CHECK(header.episode == 2);
    CHECK(header.ends_round == 1);
    CHECK(header.end == FragmentEnd::truncated);
    CHECK(header.episode_return == 0.75);
    TextEpisode stopped = example();
    stopped.truncated = false;
    CHECK(to_fragment(stopped, schema())->header().end == FragmentEnd::terminated);
  }

  TEST_CASE("a fragment gives the text back, scored or not, a tool's tokens not sampled") {
    for (const bool scored : {true, false}) {
      TextEpisode sent = example();
      sent.scored = scored;
      sent.term_scores = scored ? std::vector<float>{1.0F, -0.5F} : std::vector<float>{};
      const TextEpisode read = to_episode(*to_fragment(sent, schema()));
      CHECK(read.tokens == sent.tokens);
      CHECK(read.sampled == sent.sampled);
      CHECK(read.log_probs == sent.log_probs);
      CHECK(std::vector(read.versions.begin() + 1, read.versions.end()) ==
            std::vector(sent.versions.begin() + 1, sent.versions.end()));
      CHECK(read.score == sent.score);
      CHECK(read.scored == scored);
      CHECK(read.term_scores == sent.term_scores);
      CHECK(read.truncated);
      CHECK(read.place == 11);
      CHECK(read.group == 42);
      CHECK(read.round == 3);
    }
  }

  TEST_CASE("it passes the learner's gate, whose bounds are those of the vocabulary") {
    CHECK(find_defect(*to_fragment(example(), schema()), kSpec) == "");
    TextEpisode foreign = example();
    foreign.tokens[1] = 100;
    CHECK(find_defect(*to_fragment(foreign, schema()), kSpec).find("token") != std::string::npos);
    TextEpisode dear = example();
    dear.score = 2.5;
    CHECK(find_defect(*to_fragment(dear, schema()), kSpec).find("reward") != std::string::npos);
  }

  TEST_CASE("columns of different lengths and texts of one token are no episodes") {
    TextEpisode wrong = example();
    wrong.versions.pop_back();
    CHECK_THROWS_WITH_AS(to_fragment(wrong, schema()), doctest::Contains("differ in length"),
                         Error);
    CHECK_THROWS_WITH_AS(to_fragment({.tokens = {1}, .sampled = {0}, .log_probs = {0},
                                      .versions = {1}}, schema()),
                         doctest::Contains("too short"), Error);
  }

  TEST_CASE("a fragment that is not one text is refused with what is wrong") {
    const auto spoilt = [](const std::function<void(Fragment&)>& spoil) {
      Fragment fragment = Fragment::from_block(schema(), to_fragment(example(), schema())->block());
      spoil(fragment);
      return fragment;
    };
    const auto row = [](Fragment& f, const char* name) { return f.schema().require(name); };
    const auto refused = [&](const char* what, const std::function<void(Fragment&)>& spoil) {
      CHECK_THROWS_WITH_AS(to_episode(spoilt(spoil)), doctest::Contains(what), Error);
    };
    refused("not the next token", [&](Fragment& f) {
      f.column<std::int32_t>(row(f, "action.token"))[2] = 1;
    });
    refused("no flag", [&](Fragment& f) {
      f.column<std::uint8_t>(row(f, "observation.sampled"))[2] = 2;
    });
    refused("first token was sampled", [&](Fragment& f) {
      f.column<std::uint8_t>(row(f, "observation.sampled"))[0] = 1;
    });
    refused("is rewarded", [&](Fragment& f) { f.column<float>(row(f, "reward"))[0] = 1; });
    refused("was not sampled", [&](Fragment& f) { f.column<float>(row(f, "log_prob"))[0] = -1; });
    refused("no end", [](Fragment& f) { f.header().end = FragmentEnd::running; });
    refused("from its beginning", [](Fragment& f) { f.header().first_step = 1; });
    refused("whether and how it was scored",
            [](Fragment& f) { f.header().continuation_bytes = 0; });
    refused("whether and how it was scored",
            [](Fragment& f) { f.header().continuation_bytes = 3; });
    refused("no flag", [](Fragment& f) { f.continuation().front() = std::byte{9}; });
  }

  TEST_CASE("a fragment of an environment is refused by the column that is missing") {
    EnvironmentSpec other = kSpec;
    other.observations[0].name = "state";
    const Fragment fragment(std::make_shared<const FragmentSchema>(make_schema(other)), 2, 1);
    CHECK_THROWS_WITH_AS(to_episode(fragment), doctest::Contains("observation.token"), Error);
    other = kSpec;
    other.observations[1].dtype = DType::i32;
    const Fragment mistyped(std::make_shared<const FragmentSchema>(make_schema(other)), 2, 1);
    CHECK_THROWS_WITH_AS(to_episode(mistyped), doctest::Contains("observation.sampled"), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
