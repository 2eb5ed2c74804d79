#include "rl/rollout/text_collector.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "rl/core/error.h"
#include "rl/rollout/text_episode.h"
#include "rollout/text_run.h"

namespace rl::rollout {
namespace {

using language::GeneratorOptions;
using language::VerifierRegistry;

GeneratorOptions one_thread() {
  GeneratorOptions options;
  options.threads = 1;
  return options;
}

// Blocks of the fragments by round and place.
using Blocks = std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes>;

Blocks blocks_of(const RunConfig& config, const GeneratorOptions& options,
                 std::uint64_t rounds = 2) {
  Blocks blocks;
  for (std::uint32_t slot = 0; slot < config.num_slots; ++slot) {
    TextCollector collector(config, environments_of_slot(config, slot), tests::schema_of(config),
                            language::builtin_verifiers(), options);
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      collector.load(tests::tiny_snapshot(round));
      CHECK(collector.collect(
          round,
          [&](const FragmentPtr& fragment) {
            const auto block = fragment->block();
            const auto key = std::pair(fragment->header().round, fragment->header().environment);
            CHECK(blocks.emplace(key, Bytes(block.begin(), block.end())).second);
            return true;
          },
          [] { return true; }));
    }
  }
  return blocks;
}

std::vector<TextEpisode> episodes_of(TextCollector& collector, std::uint64_t round) {
  std::vector<TextEpisode> episodes;
  collector.collect(
      round,
      [&](const FragmentPtr& fragment) {
        episodes.push_back(to_episode(*fragment));
        return true;
      },
      [] { return true; });
  std::ranges::sort(episodes, {}, &TextEpisode::place);
  return episodes;
}

TEST_SUITE("text collector") {
  TEST_CASE("every place gives one text a round, with a group for each prompt") {
    const RunConfig config = tests::text_run(3, 4);
    TextCollector collector(config, {0, 12}, tests::schema_of(config),
                            language::builtin_verifiers(), one_thread());
    for (std::uint64_t round = 1; round <= 2; ++round) {
      collector.load(tests::tiny_snapshot(round));
      const auto episodes = episodes_of(collector, round);
      REQUIRE(episodes.size() == 12);
      for (std::size_t place = 0; place < 12; ++place) {
        const TextEpisode& text = episodes[place];
        CHECK(text.place == place);
        CHECK(text.round == round);
        CHECK(text.group == (round - 1) * 3 + place / 4 + 1);
        CHECK(text.versions.back() == static_cast<std::int64_t>(round));
        const std::size_t prompt = 6;  // "47+85="
        CHECK(std::count(text.sampled.begin(), text.sampled.end(), 0) == prompt);
        CHECK(std::equal(text.tokens.begin(), text.tokens.begin() + prompt,
                         episodes[place / 4 * 4].tokens.begin()));
      }
      CHECK(episodes[0].tokens != episodes[1].tokens);
      CHECK(episodes[0].group != episodes[4].group);
    }
    CHECK(collector.counts().texts == 24);
    CHECK(collector.num_steps() > 24 * 6);
  }

  TEST_CASE("bytes do not depend on workers, pages, batch or threads") {
    const Blocks expected = blocks_of(tests::text_run(3, 4, 1), one_thread());
    REQUIRE(expected.size() == 24);
    CHECK(blocks_of(tests::text_run(3, 4, 2), one_thread()) == expected);
    CHECK(blocks_of(tests::text_run(3, 4, 3), one_thread()) == expected);
    CHECK(blocks_of(tests::text_run(3, 4, 5), one_thread()) == expected);
    CHECK(blocks_of(tests::text_run(3, 4, 20), one_thread()) == expected);  // some have none
    GeneratorOptions other;
    other.threads = 2;
    other.page_size = 3;
    other.max_sequences = 5;
    other.prefill_tokens = 4;
    CHECK(blocks_of(tests::text_run(3, 4, 2), other) == expected);
    other.cache_pages = 12;  // sequences wait and are read again
    CHECK(blocks_of(tests::text_run(3, 4, 1), other) == expected);
  }

  // Fragments of rounds 1 to `last`, in asynchronous steps, with new weights after so many.
  struct Swap {
    std::size_t after_steps = 0;
    std::uint64_t version = 0;
  };
  static std::vector<TextEpisode> step_through(TextCollector& collector, std::uint64_t last,
                                               const std::vector<Swap>& swaps = {}) {
    std::vector<TextEpisode> episodes;
    std::size_t steps = 0;
    do {
      for (const Swap& swap : swaps) {
        if (swap.after_steps == steps) collector.load(tests::tiny_snapshot(swap.version));
      }
      CHECK(collector.step(
          1, last,
          [&](const FragmentPtr& fragment) {
            episodes.push_back(to_episode(*fragment));
            return true;
          },
          [] { return true; }));
      ++steps;
    } while (!collector.idle());
    std::ranges::sort(episodes, {}, [](const TextEpisode& text) {
      return std::pair(text.round, text.place);
    });
    return episodes;
  }

  TEST_CASE("rounds begun ahead of their weights have the texts of lockstep with the same ones") {
    const RunConfig config = tests::text_run();
    TextCollector ahead(config, {0, 12}, tests::schema_of(config), language::builtin_verifiers(),
                        one_thread());
    ahead.load(tests::tiny_snapshot(1));
    const auto found = step_through(ahead, 3);
    TextCollector alone(config, {0, 12}, tests::schema_of(config), language::builtin_verifiers(),
                        one_thread());
    alone.load(tests::tiny_snapshot(1));
    std::vector<TextEpisode> expected;
    for (std::uint64_t round = 1; round <= 3; ++round) {
      for (TextEpisode& text : episodes_of(alone, round)) expected.push_back(std::move(text));
    }
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].round == expected[i].round);
      CHECK(found[i].place == expected[i].place);
      CHECK(found[i].group == expected[i].group);
      CHECK(found[i].tokens == expected[i].tokens);
      CHECK(found[i].log_probs == expected[i].log_probs);
      CHECK(found[i].score == expected[i].score);
    }
  }

  TEST_CASE("texts under way go on when weights are swapped, and every token says by which") {
    const RunConfig config = tests::text_run();
    TextCollector collector(config, {0, 12}, tests::schema_of(config),
                            language::builtin_verifiers(), one_thread());
    collector.load(tests::tiny_snapshot(1));
    const auto texts = step_through(collector, 2, {{3, 2}, {5, 3}});
    REQUIRE(texts.size() == 24);
    std::size_t mixed = 0;
    for (const TextEpisode& text : texts) {
      std::int64_t before = 1;
      for (std::size_t i = 0; i < text.tokens.size(); ++i) {
        if (!text.sampled[i]) continue;
        CHECK(text.versions[i] >= before);
        if (text.versions[i] > before && text.sampled[i - 1]) ++mixed;
        before = text.versions[i];
      }
    }
    CHECK(mixed > 0);
    CHECK(texts.back().versions.back() == 3);
  }

  TEST_CASE("another seed or other weights give other texts") {
    const Blocks expected = blocks_of(tests::text_run(), one_thread(), 1);
    RunConfig other = tests::text_run();
    other.seed = 8;
    const Blocks found = blocks_of(other, one_thread(), 1);
    REQUIRE(found.size() == expected.size());
    for (const auto& [key, block] : expected) CHECK(found.at(key) != block);
  }

  TEST_CASE("a training prompt is never a held-out one, in either order of its operands") {
    RunConfig config = tests::text_run(8, 1);
    config.text->digits = 1;
    config.text->held_out = 50;  // of the 55 that one digit has
    config.text->max_new_tokens = 1;
    TextCollector collector(config, {0, 8}, tests::schema_of(config),
                            language::builtin_verifiers(), one_thread());
    const auto task = language::make_text_task(config.text->task_options());
    const auto held_out = language::make_task_data(*task, 0, 50, config.seed).held_out;
    collector.load(tests::tiny_snapshot(1));
    for (std::uint64_t round = 1; round <= 3; ++round) {
      for (const TextEpisode& text : episodes_of(collector, round)) {
        const std::string prompt(text.tokens.begin(), text.tokens.begin() + 4);
        for (const auto& problem : held_out) {
          CHECK(task->identity({prompt, ""}) != task->identity(problem));
        }
      }
    }
  }

  TEST_CASE("texts are scored by the run's rewards; what nobody can score is marked and counted") {
    VerifierRegistry verifiers = language::builtin_verifiers();
    verifiers.add("first-letter", {"caller's own", [](const std::string&) {
                    return [](const language::TextProblem&, std::string_view words)
                               -> std::optional<double> {
                      if (words.size() % 2 == 1) return std::nullopt;
                      if (words.size() % 4 == 2) throw std::runtime_error("judge is away");
                      return 0.5;
                    };
                  }});
    RunConfig config = tests::text_run(4, 8);
    config.text->rewards = {{.verifier = "first-letter", .weight = 3.0},
                            {.verifier = "length", .weight = 1.0, .argument = "1000"}};
    TextCollector collector(config, {0, 32}, tests::schema_of(config), verifiers, one_thread());
    collector.load(tests::tiny_snapshot(1));
    std::size_t scored = 0;
    for (const TextEpisode& text : episodes_of(collector, 1)) {
      CHECK(text.score == (text.scored ? 2.5 : 0.0));
      if (text.scored) ++scored;
    }
    const TextCounts counts = collector.counts();
    CHECK(scored > 0);
    CHECK(counts.verdicts.scored == scored);
    CHECK(counts.verdicts.unscored == 32 - scored);
    CHECK(counts.verdicts.failed > 0);
    CHECK(counts.last_trouble.find("first-letter") != std::string::npos);
  }

  TEST_CASE("a completion that its length ended scores nothing unless asked for") {
    VerifierRegistry verifiers = language::builtin_verifiers();
    verifiers.add("one", {"always 1", [](const std::string&) {
                    return [](const language::TextProblem&, std::string_view) {
                      return std::optional<double>(1.0);
                    };
                  }});
    for (const bool score_truncated : {true, false}) {
      RunConfig config = tests::text_run();
      config.text->rewards = {{.verifier = "one"}};
      config.text->score_truncated = score_truncated;
      TextCollector collector(config, {0, 12}, tests::schema_of(config), verifiers, one_thread());
      collector.load(tests::tiny_snapshot(1));
      std::size_t truncated = 0;
      for (const TextEpisode& text : episodes_of(collector, 1)) {
        CHECK(text.score == (text.truncated && !score_truncated ? 0.0 : 1.0));
        CHECK(text.scored);
        if (text.truncated) ++truncated;
      }
      CHECK(truncated > 0);
      CHECK(collector.counts().truncated == truncated);
    }
  }

  TEST_CASE("a round that is broken off is forgotten and can be played again") {
    const RunConfig config = tests::text_run();
    TextCollector collector(config, {0, 12}, tests::schema_of(config),
                            language::builtin_verifiers(), one_thread());
    collector.load(tests::tiny_snapshot(1));
    int ticks = 0;
    const auto refuse = [](const FragmentPtr&) { return false; };
    const auto accept = [](const FragmentPtr&) { return true; };
    CHECK_FALSE(collector.collect(1, refuse, [] { return true; }));
    CHECK_FALSE(collector.collect(1, accept, [&] { return ++ticks < 3; }));
    CHECK(ticks == 3);
    CHECK(episodes_of(collector, 1).size() == 12);
  }

  TEST_CASE("weights that are not the run's are refused by version") {
    const RunConfig config = tests::text_run();
    const auto refused = [&](const RunConfig& run, const WeightSnapshot& snapshot,
                             const char* what) {
      TextCollector collector(run, {0, 12}, tests::schema_of(run), language::builtin_verifiers(),
                              one_thread());
      CHECK_THROWS_WITH_AS(collector.load(snapshot), doctest::Contains(what), Error);
    };
    refused(config, tests::tiny_snapshot(5, 27), "version 5");  // 16 + 12 tokens do not fit
    refused(config, tests::tiny_snapshot(5, 27), "16 + 12");
    RunConfig larger = config;
    larger.text->vocabulary = 300;
    refused(larger, tests::tiny_snapshot(1), "vocabulary");
    RunConfig chat = config;
    chat.text->chat = true;
    refused(chat, tests::tiny_snapshot(1), "no chat template");

    TextCollector collector(config, {0, 12}, tests::schema_of(config),
                            language::builtin_verifiers(), one_thread());
    collector.load(tests::tiny_snapshot(1));
    CHECK_THROWS_WITH_AS(collector.load(tests::tiny_snapshot(2, 80)),
                         doctest::Contains("changed within the run"), Error);
    CHECK(episodes_of(collector, 1).size() == 12);  // the old ones stay
  }

  TEST_CASE("unknown tasks, verifiers and bad arguments end it before any weights") {
    const auto refused = [](const char* what, auto change) {
      RunConfig config = tests::text_run();
      change(*config.text);
      CHECK_THROWS_WITH_AS(TextCollector(config, {0, 12}, tests::schema_of(config),
                                         language::builtin_verifiers(), {}),
                           doctest::Contains(what), Error);
    };
    refused("addition", [](auto& text) { text.task = "adition"; });
    refused("numeric", [](auto& text) { text.rewards = {{.verifier = "numerc"}}; });
    refused("pattern", [](auto& text) { text.rewards = {{.verifier = "regex"}}; });
    refused("bytes", [](auto& text) {
      text.rewards = {{.verifier = "length", .argument = "many"}};
    });
    refused("procedural", [](auto& text) {
      text.prompts_file = "x.jsonl";
      text.rewards = {{.verifier = "task"}};
    });
  }
}

}  // namespace
}  // namespace rl::rollout
