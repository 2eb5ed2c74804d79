#include "rollout/text_problems.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "rollout/text_run.h"
#include "rollout/text_scoring.h"
#include "support/temporary_folder.h"

namespace rl::rollout {
namespace {

const std::string kFile = std::string(RL_TEST_DATA) + "/rollout/prompts.jsonl";  // 12 problems

PromptEncoder encoder_of(const RunConfig& config) {
  return PromptEncoder(*config.text, tests::tiny_image(1));
}

std::unique_ptr<TextProblems> problems_of(const RunConfig& config) {
  return make_text_problems(config, encoder_of(config));
}

RunConfig file_run(std::uint32_t held_out) {
  RunConfig config = tests::text_run();
  config.text->prompts_file = kFile;
  config.text->held_out = held_out;
  return config;
}

TEST_SUITE("text problems") {
  TEST_CASE("a problem has the same number for everybody, whatever was asked before") {
    const auto one = problems_of(tests::text_run());
    const auto other = problems_of(tests::text_run());
    const std::string seventh = one->training(7).problem.prompt;
    for (std::uint64_t n = 0; n < 7; ++n) CHECK(other->training(n).problem.prompt != "");
    CHECK(other->training(7).problem.prompt == seventh);
    RunConfig config = tests::text_run();
    config.seed = 8;
    CHECK(problems_of(config)->training(7).problem.prompt != seventh);
  }

  TEST_CASE("an epoch of a file has every problem once, in an order of its own") {
    const auto problems = problems_of(file_run(0));
    std::vector<std::string> first, second;
    for (std::uint64_t n = 0; n < 12; ++n) first.push_back(problems->training(n).problem.prompt);
    for (std::uint64_t n = 12; n < 24; ++n) second.push_back(problems->training(n).problem.prompt);
    CHECK(std::set(first.begin(), first.end()).size() == 12);
    CHECK(std::set(second.begin(), second.end()).size() == 12);
    CHECK(first != second);
    CHECK(problems->training(0).problem.prompt == first[0]);
  }

  TEST_CASE("held-out problems of a file are drawn by the seed and never trained on") {
    const auto problems = problems_of(file_run(4));
    std::set<std::string> held_out;
    for (const TextPrompt& prompt : problems->held_out()) held_out.insert(prompt.problem.prompt);
    CHECK(held_out.size() == 4);
    for (std::uint64_t n = 0; n < 16; ++n) {
      CHECK_FALSE(held_out.contains(problems->training(n).problem.prompt));
    }
    CHECK_THROWS_WITH_AS(problems_of(file_run(12))->training(0),
                         doctest::Contains("12 held out"), Error);
  }

  TEST_CASE("a template goes around the problem, and the answer stays as it is") {
    RunConfig config = file_run(0);
    config.text->prompt_template = "Q: {prompt}\nA:";
    config.text->max_prompt_tokens = 32;
    const auto prompt = problems_of(config)->training(0);
    const std::string text(prompt.tokens.begin(), prompt.tokens.end());
    CHECK(text == "Q: " + prompt.problem.prompt + "\nA:");
    CHECK(prompt.problem.answer.find("#### ") != std::string::npos);
  }

  TEST_CASE("a chat template makes the prompt the user's message") {
    RunConfig config = file_run(0);
    config.text->chat = true;
    config.text->max_prompt_tokens = 64;
    language::ModelImage model = tests::tiny_image(1);
    model.bos_token = "<|bos|>";
    model.chat_template =
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}";
    const auto problems = make_text_problems(config, PromptEncoder(*config.text, model));
    const auto prompt = problems->training(0);
    CHECK(prompt.tokens.front() == 256);
    const std::string text(prompt.tokens.begin() + 1, prompt.tokens.end());
    CHECK(text == "[user]" + prompt.problem.prompt + "[assistant]");
  }

  TEST_CASE("prompts that are too long or empty are passed over, counted and named") {
    tests::TemporaryFolder folder;
    const std::string lines =
        "{\"prompt\": \"\", \"answer\": \"1\"}\n"
        "{\"prompt\": \"12345678901234567890\", \"answer\": \"1\"}\n\n"
        "{\"prompt\": \"good\", \"completion\": 7}\n"
        "{\"prompt\": 5}\n";
    const auto file = folder.path() / "mixed.jsonl";
    write_file(file, std::as_bytes(std::span(lines)));
    RunConfig config = file_run(0);
    config.text->prompts_file = file.string();
    CHECK_THROWS_WITH_AS(problems_of(config), doctest::Contains("mixed.jsonl:5"), Error);
    config.text->skip_broken_lines = true;
    const auto problems = problems_of(config);
    CHECK(problems->training(3).problem.prompt == "good");
    CHECK(problems->training(3).problem.answer == "7");
    CHECK(problems->excluded().empty == 1);
    CHECK(problems->excluded().too_long == 1);
    CHECK(problems->excluded().broken == 1);
    CHECK(problems->excluded().last.find("1234567890") != std::string::npos);
  }

  TEST_CASE("a task whose prompts are all too long says so instead of searching for ever") {
    RunConfig config = tests::text_run();
    config.text->max_prompt_tokens = 5;  // "47+85=" has 6
    CHECK_THROWS_WITH_AS(problems_of(config)->training(0), doctest::Contains("allowed 5"), Error);
  }

  TEST_CASE("GSM8K's files are read as they are, and a right answer is right") {
    const char* const given = std::getenv("CORRAL_DATA");
    const std::filesystem::path data =
        given != nullptr ? std::filesystem::path(given)
                         : std::filesystem::path(RL_TEST_DATA) / "../../shared/data";
    const auto file = data / "gsm8k/test.jsonl";
    if (!std::filesystem::exists(file)) {
      MESSAGE("skipped: there is no " << file.string());
      return;
    }
    RunConfig config = file_run(100);
    config.text->prompts_file = file.string();
    config.text->max_prompt_tokens = 4000;
    config.text->vocabulary = tests::kByteVocabulary;
    const auto problems = problems_of(config);
    CHECK(problems->held_out().size() == 100);
    CHECK(problems->excluded().total() == 0);
    language::Scorer scorer = make_scorer(*config.text, language::builtin_verifiers());
    for (std::uint64_t n = 0; n < 1219; ++n) {
      const auto problem = problems->training(n).problem;
      const std::string right = problem.answer.substr(problem.answer.find("#### ") + 5);
      CHECK(scorer.score(problem, problem.answer).score == 1.0);
      CHECK(scorer.score(problem, "So the answer is $" + right + ".").score == 1.0);
      CHECK(scorer.score(problem, right + " is wrong, it is 123454321").score == 0.0);
    }
    CHECK(scorer.counts().unscored == 0);
  }
}

}  // namespace
}  // namespace rl::rollout
