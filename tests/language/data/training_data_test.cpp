#include "rl/language/training_data.h"

#include <doctest/doctest.h>

#include <fstream>

#include "rl/core/error.h"
#include "tests/support/temporary_folder.h"

namespace rl::language {
namespace {

using tests::TemporaryFolder;
using text::TokenId;

constexpr TokenId kEos = 257;

text::Tokenizer byte_tokenizer() {
  return text::Tokenizer::from_json(text::byte_tokenizer_json(), "byte tokenizer");
}

ExampleEncoder encoder(const DataOptions& options, const std::string& chat_template = "") {
  ExampleEncoder::Parts parts{
      .tokenizer = byte_tokenizer(), .eos_token = "<|eos|>", .eos_id = kEos};
  if (!chat_template.empty()) parts.chat_template.emplace(chat_template, "template");
  return {std::move(parts), options};
}

TrainingExample encode(const std::string& line, const DataOptions& options = {.max_tokens = 1000},
                       const std::string& chat_template = "") {
  return encoder(options, chat_template).encode(line).value();
}

// The tokens that are in the loss as they are written, the others as dots; EOS is $.
std::string masked(const TrainingExample& example) {
  REQUIRE(example.tokens.size() == example.loss.size());
  std::string text;
  for (std::size_t i = 0; i < example.tokens.size(); ++i) {
    const TokenId id = example.tokens[i];
    text += example.loss[i] == 0 ? std::string(".")
            : id == kEos         ? std::string("$")
                                 : byte_tokenizer().decode({{id}});
  }
  return text;
}

std::string answer(const TrainingExample& example) {
  std::string text;
  for (std::size_t i = example.answer_begin; i < example.answer_end; ++i) {
    text += example.tokens[i] == kEos ? "$" : byte_tokenizer().decode({{example.tokens[i]}});
  }
  return text;
}

// As ChatML, with a short opening.
constexpr const char* kPlainTemplate =
    "{% for m in messages %}[{{ m['role'][0] }}]{{ m['content'] }}<|eos|>\n{% endfor %}"
    "{% if add_generation_prompt %}[a]{% endif %}";
constexpr const char* kWithoutStopTemplate =
    "{% for m in messages %}[{{ m['role'][0] }}]{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}[a]{% endif %}";
// Only the last answer is shown in full, as templates of reasoning models do.
constexpr const char* kRewritingTemplate =
    "{% for m in messages %}[{{ m['role'][0] }}]"
    "{% if loop.last and m['role'] == 'assistant' %}(thought){% endif %}{{ m['content'] }}<|eos|>"
    "{% endfor %}{% if add_generation_prompt %}[a]{% endif %}";

constexpr const char* kTwoTurns =
    R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"},)"
    R"({"role": "user", "content": "?"}, {"role": "assistant", "content": "42"}]})";

std::string message_of(const std::string& line, const std::string& chat_template = kPlainTemplate) {
  try {
    encoder({.max_tokens = 1000}, chat_template).encode(line);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::filesystem::path file_of(const TemporaryFolder& folder, const std::string& text) {
  const auto path = folder.path() / "data.jsonl";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TrainingData read(const std::string& text, DataOptions options = {.max_tokens = 1000}) {
  const TemporaryFolder folder;
  return read_training_data(file_of(folder, text), encoder(options), options);
}

}  // namespace

TEST_SUITE("training examples") {
  TEST_CASE("the loss is on the completion and its end-of-sequence token") {
    const auto example = encode(R"({"prompt": "1+2=", "completion": "3"})");
    CHECK(example.tokens == std::vector<TokenId>{'1', '+', '2', '=', '3', kEos});
    CHECK(masked(example) == "....3$");
    CHECK(answer(example) == "3$");
    CHECK(example.loss_tokens() == 2);
    CHECK_FALSE(example.truncated);
  }

  TEST_CASE("on all tokens when asked for, save the first, which nothing predicts") {
    CHECK(masked(encode(R"({"prompt": "1+2=", "completion": "3"})",
                        {.max_tokens = 100, .loss_on_all = true})) == ".+2=3$");
    CHECK(masked(encode(R"({"prompt": "", "completion": "abc"})")) == ".bc$");
  }

  TEST_CASE("other keys are passed over; special tokens in the text become their ids") {
    CHECK(masked(encode(R"({"id": 3, "prompt": "a<|eos|>", "completion": "b"})")) == "..b$");
  }

  TEST_CASE("a conversation's loss is on every message of the assistant up to its stop token") {
    const auto example = encode(kTwoTurns, {.max_tokens = 1000}, kPlainTemplate);
    //                       [u]hi$\n  [a]yo$ \n[u]?$\n[a]42$ \n
    CHECK(masked(example) == "......." "...yo$" "......." "...42$" ".");
    CHECK(answer(example) == "42$");
  }

  TEST_CASE("a template without stop tokens: the last turn gets one, earlier ones end as they do") {
    const auto example = encode(kTwoTurns, {.max_tokens = 1000}, kWithoutStopTemplate);
    //                       [u]hi   [a]yo   [u]?   [a]42
    CHECK(masked(example) == "....." "...yo" "...." "...42$");
  }

  TEST_CASE("a template that rewrites earlier turns is refused when it matters") {
    CHECK(message_of(kTwoTurns, kRewritingTemplate).find("message 2 cannot be told") !=
          std::string::npos);
    const std::string last_without = R"({"messages": [{"role": "user", "content": "a"},)"
                                     R"({"role": "assistant", "content": "b"},)"
                                     R"({"role": "user", "content": "c"}]})";
    CHECK_FALSE(message_of(last_without, kRewritingTemplate).empty());
    CHECK(message_of(R"({"messages": [{"role": "user", "content": "a"},)"
                     R"({"role": "assistant", "content": "b"}]})",
                     kRewritingTemplate).empty());
  }

  TEST_CASE("a tokenizer that merges across the border of a turn is refused") {
    // "]" and "y" are one token here: the tokens that open the turn are no prefix of the whole.
    std::string json = text::byte_tokenizer_json();
    const std::string added = "\"added_tokens\": [";
    json.insert(json.find(added) + added.size(),
                R"({"id": 259, "content": "]y", "single_word": false, "lstrip": false,)"
                R"("rstrip": false, "normalized": false, "special": false},)");
    ExampleEncoder::Parts parts{.tokenizer = text::Tokenizer::from_json(json, "merging"),
                                .eos_id = kEos};
    parts.chat_template.emplace(kPlainTemplate, "template");
    const ExampleEncoder merging(parts, {.max_tokens = 100});
    CHECK_THROWS_WITH_AS(merging.encode(kTwoTurns), doctest::Contains("message 2 cannot be told"),
                         Error);
  }

  TEST_CASE("what cannot be learned from says why") {
    const auto contains = [](const std::string& line, const std::string& part) {
      CAPTURE(line);
      const std::string message = message_of(line);
      CHECK_MESSAGE(message.find(part) != std::string::npos, message);
    };
    contains("{", "not JSON");
    contains("[1]", "not an object");
    contains(R"({"question": "a", "answer": "b"})", "got question, answer");
    contains(R"({"prompt": "a"})", "'completion' is missing");
    contains(R"({"prompt": ["a"], "completion": "b"})", "'prompt' is not a text");
    contains(R"({"prompt": "a", "completion": ""})", "the completion is empty");
    contains(R"({"messages": []})", "holds no messages");
    contains(R"({"messages": "a"})", "holds no messages");
    contains(R"({"messages": [3]})", "message 1 has no role");
    contains(R"({"messages": [{"role": "user", "content": "a"}]})", "a message of the assistant");
    contains(R"({"messages": [{"role": "assistant", "content": ""}]})",
             "says nothing in message 1");
    CHECK_THROWS_WITH_AS(encode(kTwoTurns), doctest::Contains("needs a chat template"), Error);
  }

  TEST_CASE("an encoder needs a tokenizer, an EOS of its vocabulary and room for two tokens") {
    CHECK_THROWS_WITH_AS(ExampleEncoder({}, {.max_tokens = 9}), doctest::Contains("no tokenizer"),
                         Error);
    CHECK_THROWS_WITH_AS(ExampleEncoder({.tokenizer = byte_tokenizer()}, {.max_tokens = 9}),
                         doctest::Contains("from 0 to 258"), Error);
    CHECK_THROWS_WITH_AS(ExampleEncoder({.tokenizer = byte_tokenizer(), .eos_id = 259},
                                        {.max_tokens = 9}),
                         doctest::Contains("got 259"), Error);
    CHECK_THROWS_WITH_AS(encoder({.max_tokens = 1}), doctest::Contains("at least 2"), Error);
  }

  TEST_CASE("too long: cut off at the end, skipped, or refused") {
    const std::string line = R"({"prompt": "1+2=", "completion": "345"})";
    const auto cut = encode(line, {.max_tokens = 6});
    CHECK(cut.truncated);
    CHECK(masked(cut) == "....34");
    CHECK(encode(line, {.max_tokens = 8}).truncated == false);
    CHECK_FALSE(encoder({.max_tokens = 4}).encode(line));  // nothing of the completion is left
    CHECK_FALSE(encoder({.max_tokens = 7, .too_long = TooLong::skip}).encode(line));
    CHECK_THROWS_WITH_AS(encoder({.max_tokens = 7, .too_long = TooLong::error}).encode(line),
                         doctest::Contains("at most 7 tokens, got 8"), Error);
  }
}

TEST_SUITE("training data") {
  TEST_CASE("every line is an example; blank lines and Windows line ends are nothing special") {
    const TrainingData data = read("{\"prompt\": \"a\", \"completion\": \"b\"}\r\n\n  \n"
                                   "{\"prompt\": \"ab\", \"completion\": \"cd\"}");
    REQUIRE(data.examples.size() == 2);
    CHECK(data.lines == 2);
    CHECK(data.tokens == 8);
    CHECK(data.loss_tokens == 5);
    CHECK(describe(data) == "2 examples, 8 tokens, 5 of them in the loss");
  }

  TEST_CASE("a broken line is named by its number, or counted when that is asked for") {
    const std::string text = "{\"prompt\": \"a\", \"completion\": \"b\"}\n\n{\"prompt\": 3}\n"
                             "{\"prompt\": \"a\", \"completion\": \"\"}\n";
    CHECK_THROWS_WITH_AS(read(text), doctest::Contains("data.jsonl:3]"), Error);
    const TrainingData data = read(text, {.max_tokens = 100, .skip_broken_lines = true});
    CHECK(data.broken == 2);
    CHECK(data.lines == 3);
    CHECK(data.examples.size() == 1);
    CHECK(describe(data).find("2 broken, skipped") != std::string::npos);
  }

  TEST_CASE("what was cut off and what was left out is counted") {
    const std::string text = "{\"prompt\": \"a\", \"completion\": \"bcdef\"}\n"
                             "{\"prompt\": \"abcdef\", \"completion\": \"b\"}\n";
    const TrainingData data = read(text, {.max_tokens = 4});
    CHECK(data.truncated == 1);
    CHECK(data.skipped_too_long == 1);
    CHECK(data.tokens == 4);
    CHECK(data.loss_tokens == 3);
  }

  TEST_CASE("a missing, an empty and a useless file are told apart") {
    CHECK_THROWS_WITH_AS(read_training_data("/nowhere/x.jsonl", encoder({.max_tokens = 9}), {}),
                         doctest::Contains("no such file"), Error);
    CHECK_THROWS_WITH_AS(read(""), doctest::Contains("an empty file"), Error);
    CHECK_THROWS_WITH_AS(read("\n\n"), doctest::Contains("an empty file"), Error);
    CHECK_THROWS_WITH_AS(read("nonsense\n", {.max_tokens = 9, .skip_broken_lines = true}),
                         doctest::Contains("0 examples"), Error);
    CHECK_THROWS_WITH_AS(
        read("{\"prompt\": \"abcdef\", \"completion\": \"b\"}\n", {.max_tokens = 4}),
        doctest::Contains("1 too long"), Error);
  }
}

}  // namespace rl::language
