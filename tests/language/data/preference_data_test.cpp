#include "rl/language/preference_data.h"

#include <doctest/doctest.h>

#include <fstream>

#include "rl/core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/errors.h"

namespace rl::language {
namespace {

using tests::contains;

constexpr text::TokenId kEos = 257;

constexpr const char* kTemplate =
    "{% for m in messages %}[{{ m['role'][0] }}]{{ m['content'] }}<|eos|>\n{% endfor %}"
    "{% if add_generation_prompt %}[a]{% endif %}";

PairEncoder encoder(const DataOptions& options = {.max_tokens = 1000}) {
  ExampleEncoder::Parts parts{
      .tokenizer = text::Tokenizer::from_json(text::byte_tokenizer_json(), "byte tokenizer"),
      .eos_token = "<|eos|>",
      .eos_id = kEos};
  parts.chat_template.emplace(kTemplate, "template");
  return {ExampleEncoder(std::move(parts), options), options};
}

PreferencePair pair_of(const std::string& line) {
  ExcludedPairs excluded;
  return encoder().encode(line, excluded).value();
}

// Tokens in the loss as they are written, the others between brackets; EOS is $.
std::string marked(const TrainingExample& example) {
  REQUIRE(example.tokens.size() == example.loss.size());
  std::string text = "(";
  bool learned = false;
  for (std::size_t i = 0; i < example.tokens.size(); ++i) {
    if ((example.loss[i] != 0) != learned) text += learned ? "(" : ")";
    learned = example.loss[i] != 0;
    text += example.tokens[i] == kEos ? '$' : static_cast<char>(example.tokens[i]);
  }
  return text;
}

std::string message_of(const std::string& line) {
  return tests::message_of([&] { pair_of(line); });
}

struct PairFile : tests::TemporaryFolder {
  explicit PairFile(const std::string& text) { std::ofstream(path() / "pairs.jsonl") << text; }
  PreferenceData read(const DataOptions& options = {.max_tokens = 1000}) const {
    return read_preference_data(path() / "pairs.jsonl", encoder(options), options);
  }
};

const std::string kGood = R"({"prompt": "a", "chosen": "good", "rejected": "bad"})"
                          "\n";

}  // namespace

TEST_SUITE("preference data") {
  TEST_CASE("texts: prompt and completion are encoded apart, the prompt once and alike") {
    const PreferencePair pair = pair_of(R"({"prompt": "2+2=", "chosen": "4", "rejected": "five"})");
    CHECK(marked(pair.chosen) == "(2+2=)4$");
    CHECK(marked(pair.rejected) == "(2+2=)five$");
    CHECK(pair.margin == 0.0);
    CHECK(pair.tokens() == 6 + 9);
  }

  TEST_CASE("conversations: only the answers behind the prompt are compared, up to the stop") {
    const PreferencePair pair = pair_of(
        R"({"prompt": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"},
                       {"role": "user", "content": "?"}],
            "chosen": [{"role": "assistant", "content": "42"}],
            "rejected": [{"role": "assistant", "content": "no"}], "margin": 1.5})");
    CHECK(marked(pair.chosen) == "([u]hi$\n[a]yo$\n[u]?$\n[a])42$");
    CHECK(marked(pair.rejected) == "([u]hi$\n[a]yo$\n[u]?$\n[a])no$");
    CHECK(pair.margin == 1.5);
  }

  TEST_CASE("whole conversations: what both begin with is the prompt") {
    const PreferencePair pair = pair_of(
        R"({"chosen": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A"}],
            "rejected": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "B"}]})");
    CHECK(marked(pair.chosen) == "([u]?$\n[a])A$");
    CHECK(marked(pair.rejected) == "([u]?$\n[a])B$");
  }

  TEST_CASE("pairs that teach nothing are left out and counted by reason") {
    const PreferenceData data =
        PairFile(kGood + R"({"prompt": "a", "chosen": "same", "rejected": "same"})"
                         "\n"
                         R"({"prompt": "a", "chosen": "", "rejected": "bad"})"
                         "\n"
                         R"({"prompt": "a", "chosen": "good", "rejected": ""})"
                         "\n"
                         R"({"prompt": "a", "chosen": "good", "rejected": "far too long"})"
                         "\n")
            .read({.max_tokens = 8, .too_long = TooLong::skip});
    CHECK(data.pairs.size() == 1);
    CHECK(data.lines == 5);
    CHECK(data.excluded.identical == 1);
    CHECK(data.excluded.empty == 2);
    CHECK(data.excluded.too_long == 1);
    CHECK(describe(data) ==
          "1 pairs, 11 tokens, 1 identical, left out, 2 with an empty completion, "
          "left out, 1 too long, left out");
  }

  TEST_CASE("a pair that is too long can be an error instead; it is never cut") {
    const PairFile file(R"({"prompt": "a", "chosen": "good", "rejected": "far too long"})");
    CHECK_THROWS_WITH_AS(file.read({.max_tokens = 8, .too_long = TooLong::error}),
                         doctest::Contains("pairs.jsonl:1"), Error);
    CHECK_THROWS_WITH_AS(file.read({.max_tokens = 8}), doctest::Contains("1 too long"), Error);
    CHECK(file.read({.max_tokens = 14}).pairs.size() == 1);
  }

  TEST_CASE("a broken line is named by its number, or passed over and counted") {
    const PairFile file(kGood + "\n{\n" + kGood);
    CHECK_THROWS_WITH_AS(file.read(), doctest::Contains("pairs.jsonl:3"), Error);
    const PreferenceData data = file.read({.max_tokens = 100, .skip_broken_lines = true});
    CHECK(data.pairs.size() == 2);
    CHECK(data.broken == 1);
    CHECK(contains(describe(data), "1 broken, left out"));
  }

  TEST_CASE("lines that are no pairs are refused with what is expected") {
    CHECK(contains(message_of(R"({"prompt": "a", "chosen": "b"})"), "'rejected' is missing"));
    CHECK(contains(message_of(R"({"chosen": "a", "rejected": "b"})"), "'prompt' is missing"));
    CHECK(contains(message_of(R"({"prompt": "a", "chosen": 1, "rejected": 2})"), "neither a text"));
    CHECK(
        contains(message_of(R"({"prompt": "a", "chosen": "b", "rejected": []})"), "another type"));
    CHECK(
        contains(message_of(R"({"prompt": [], "chosen": "b", "rejected": "c"})"), "another type"));
    CHECK(contains(message_of(R"({"prompt": "a", "chosen": "b", "rejected": "c", "margin": "x"})"),
                   "'margin'"));
    CHECK(contains(message_of(R"({"chosen": [], "rejected": []})"), "no message"));
    CHECK(contains(message_of(R"({"prompt": [], "chosen": [{"role": "user", "content": "x"}],)"
                              R"("rejected": [{"role": "assistant", "content": "y"}]})"),
                   "'chosen' is not the assistant's"));
  }

  TEST_CASE("a file without a usable pair is an error that says what became of its lines") {
    CHECK_THROWS_WITH_AS(PairFile("").read(), doctest::Contains("an empty file"), Error);
    CHECK_THROWS_WITH_AS(PairFile(R"({"prompt": "a", "chosen": "b", "rejected": "b"})").read(),
                         doctest::Contains("1 identical"), Error);
  }
}

}  // namespace rl::language
