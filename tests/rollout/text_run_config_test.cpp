#include "rl/rollout/text_run_config.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rollout/text_run.h"

namespace rl::rollout {
namespace {

RunConfig example() {
  RunConfig config = tests::text_run();
  config.text->task = "chain-sum";
  config.text->prompts_file = " folder with spaces/prompts.jsonl ";
  config.text->prompts_digest = std::string(64, 'a');
  config.text->prompt_template = "Question: {prompt}\nAnswer:\\ \t";
  config.text->temperature = 0.1;
  config.text->top_p = 1.0 / 3.0;
  config.text->min_p = 0.05;
  config.text->top_k = 40;
  config.text->chat = true;
  config.text->tool = "calculator";
  config.text->rewards = {{.verifier = "numeric", .weight = 1.0},
                          {.verifier = "regex", .weight = -0.25, .argument = "a = b  .* "},
                          {.verifier = kRewardModelName,
                           .weight = 0.5,
                           .argument = "/models/my judge",
                           .digest = std::string(64, 'b')}};
  return config;
}

TEST_SUITE("text run configuration") {
  TEST_CASE("what a worker reads is what the learner wrote, whatever is in the texts") {
    CHECK(run_config_from_text(to_text(example())) == example());
    const RunConfig plain = tests::text_run();
    CHECK(run_config_from_text(to_text(plain)) == plain);
  }

  TEST_CASE("a run of environments has no such part") {
    RunConfig config = example();
    config.text.reset();
    CHECK(to_text(config).find("text.") == std::string::npos);
    CHECK_FALSE(run_config_from_text(to_text(config)).text.has_value());
  }

  TEST_CASE("a missing, malformed or unknown value is named") {
    const std::string text = to_text(example());
    const auto without = [&](const std::string& name) {
      const std::size_t line = text.find(name + " =");
      REQUIRE(line != std::string::npos);
      return text.substr(0, line) + text.substr(text.find('\n', line) + 1);
    };
    for (const char* name : {"text.group", "text.rewards", "text.tool", "text.top_p"}) {
      const std::string taken = name == std::string("text.rewards") ? "text.num_rewards" : name;
      CHECK_THROWS_WITH_AS(run_config_from_text(without(taken)), doctest::Contains(taken.c_str()),
                           Error);
    }
    const auto refused = [&](const std::string& line, const char* what) {
      const std::string name = line.substr(0, line.find(" ="));
      CHECK_THROWS_WITH_AS(run_config_from_text(without(name) + line + "\n"),
                           doctest::Contains(what), Error);
    };
    refused("text.temperature = hot", "text.temperature");
    refused("text.temperature = nan", "text.temperature");
    refused("text.chat = yes", "text.chat");
    refused("text.task = a\\q", "unknown escape");
    refused("text.num_rewards = 4000000000", "rewards");
    refused("text.reward.0 = numeric", "text.reward.0");
    CHECK_THROWS_WITH_AS(run_config_from_text(text + "text.colour = red\n"),
                         doctest::Contains("text.colour"), Error);
  }

  TEST_CASE("values out of range are refused with the range") {
    const auto refused = [](const char* what, auto change) {
      TextRunConfig config = *example().text;
      change(config);
      CHECK_THROWS_WITH_AS(validate(config), doctest::Contains(what), Error);
    };
    refused("temperature", [](auto& c) { c.temperature = 0.0; });
    refused("top_p", [](auto& c) { c.top_p = 0.0; });
    refused("group", [](auto& c) { c.group = 0; });
    refused("prompts_per_round", [](auto& c) { c.prompts_per_round = 0; });
    refused("prompts_per_round * group", [](auto& c) { c.prompts_per_round = c.group = 1 << 20; });
    refused("max_new_tokens", [](auto& c) { c.max_new_tokens = 0; });
    refused("max_prompt_tokens", [](auto& c) { c.max_prompt_tokens = 0; });
    refused("vocabulary", [](auto& c) { c.vocabulary = 0; });
    refused("reward_limit", [](auto& c) { c.reward_limit = 0.0; });
    refused("prompt_template", [](auto& c) { c.prompt_template = "no hole"; });
    refused("tool", [](auto& c) { c.tool = "browser"; });
    refused("verifiers", [](auto& c) { c.rewards[0].verifier = "two words"; });
    refused("weight", [](auto& c) { c.rewards[0].weight = 1e300; });
    refused("one line", [](auto& c) { c.rewards[0].argument = "a\nb"; });
  }

  TEST_CASE("what may begin is AReaL's bound on all that was accepted or is running") {
    TextRunConfig config = *example().text;
    const std::uint64_t batch = config.places();
    for (std::uint32_t eta = 0; eta <= 3; ++eta) {
      config.max_staleness = eta;
      for (std::uint64_t updates = 0; updates <= 5; ++updates) {
        // Texts are admitted one by one as long as the rule lets them.
        std::uint64_t admitted = 0;
        while ((eta + updates + 1) * batch >= admitted + 1) ++admitted;
        CHECK(newest_round_to_begin(config, updates + 1) * batch == admitted);
      }
    }
  }

  TEST_CASE("places are the environments of the run; a staleness goes with async alone") {
    RunConfig config = example();
    config.num_environments = 5;
    CHECK_THROWS_WITH_AS(run_config_from_text(to_text(config)),
                         doctest::Contains("num_environments"), Error);
    config = example();
    config.mode = Mode::async;
    CHECK_THROWS_WITH_AS(run_config_from_text(to_text(config)),
                         doctest::Contains("max_staleness"), Error);
    config.text->max_staleness = 2;
    CHECK(run_config_from_text(to_text(config)) == config);
    config.mode = Mode::lockstep;
    CHECK_THROWS_WITH_AS(run_config_from_text(to_text(config)),
                         doctest::Contains("max_staleness"), Error);
  }

  TEST_CASE("the spec's bounds are the model's vocabulary and the longest text") {
    const EnvironmentSpec spec = text_spec(*example().text);
    CHECK(spec.actions[0].num_categories(0) == 259);
    CHECK(spec.max_episode_steps == 16 + 12 - 1);
    CHECK(spec.reward_high == 10.0);
  }
}

}  // namespace
}  // namespace rl::rollout
