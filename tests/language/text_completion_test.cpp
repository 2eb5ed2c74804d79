#include "rl/language/text_completion.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "rl/core/error.h"
#include "src/language/stop_texts.h"

TEST_SUITE_BEGIN("language::text_completion");

using namespace rl;
using namespace rl::language;

namespace {

constexpr TokenId kEnd = 257;  // of the tokenizer of bytes

text::Tokenizer bytes_tokenizer() {
  return text::Tokenizer::from_json(text::byte_tokenizer_json(), "bytes");
}

// Says a text byte by byte: the same for every sample, followed by the end token.
class Parrot final : public TextGenerator {
 public:
  explicit Parrot(std::string text, std::size_t vocabulary = 300) : text_(std::move(text)) {
    config_.vocabulary = vocabulary;
  }
  void submit(GenerationRequest request) override {
    for (std::size_t i = 0; i < request.num_samples; ++i) running_.push_back({request.id, i, 0});
    last = std::move(request);
  }
  void cancel(std::uint64_t request) override {
    std::erase_if(running_, [&](const Voice& voice) { return voice.request == request; });
  }
  void cancel(std::uint64_t request, std::size_t sample) override {
    std::erase_if(running_, [&](const Voice& voice) {
      return voice.request == request && voice.sample == sample;
    });
  }
  std::vector<GeneratedToken> step() override {
    std::vector<GeneratedToken> tokens;
    for (Voice& voice : running_) {
      const bool end = voice.next == text_.size();
      const TokenId id = end ? kEnd : static_cast<unsigned char>(text_[voice.next]);
      ++voice.next;
      tokens.push_back({.request = voice.request, .sample = voice.sample, .token = id,
                        .log_prob = -0.5F, .policy_log_prob = -0.25F, .last = end});
    }
    std::erase_if(running_, [&](const Voice& voice) { return voice.next > text_.size(); });
    return tokens;
  }
  bool idle() const override { return running_.empty(); }
  void set_weights(const ModelWeights&, std::uint64_t) override {}
  const ModelConfig& config() const override { return config_; }

  GenerationRequest last;

 private:
  struct Voice {
    std::uint64_t request;
    std::size_t sample;
    std::size_t next;
  };
  std::string text_;
  ModelConfig config_;
  std::vector<Voice> running_;
};

// The pieces of sample 0 until all is done.
std::vector<std::string> pieces_of(TextCompleter& completer) {
  std::vector<std::string> pieces;
  while (!completer.idle()) {
    for (const TextPiece& piece : completer.step()) {
      if (piece.sample == 0 && !piece.text.empty()) pieces.push_back(piece.text);
    }
  }
  return pieces;
}

}  // namespace

TEST_CASE("text comes in whole characters and without special tokens") {
  Parrot parrot("a\xC3\xA9z");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit("hi", {});
  CHECK(parrot.last.prompt == std::vector<TokenId>{'h', 'i'});
  CHECK(pieces_of(completer) == std::vector<std::string>{"a", "\xC3\xA9", "z"});
  const auto completions = completer.take(id);
  REQUIRE(completions.size() == 1);
  CHECK(completions[0].text == "a\xC3\xA9z");
  CHECK(completions[0].tokens == std::vector<TokenId>{'a', 0xC3, 0xA9, 'z', kEnd});
  CHECK(completions[0].log_probs == std::vector<float>(5, -0.5F));
  CHECK(completions[0].policy_log_probs == std::vector<float>(5, -0.25F));
  CHECK(completions[0].reason == FinishReason::stop);
}

TEST_CASE("a stop text ends the sample, and no beginning of it is ever shown") {
  Parrot parrot("one\n\nQ: two");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit("x", {.num_samples = 2, .stop_texts = {"Q:", "\n\nQ"}});
  CHECK(pieces_of(completer) == std::vector<std::string>{"o", "n", "e"});
  CHECK(completer.finished(id));
  for (const Completion& completion : completer.take(id)) {
    CHECK(completion.text == "one");
    CHECK(completion.tokens.size() == 6);
    CHECK(completion.reason == FinishReason::stop);
  }
}

TEST_CASE("what only looked like a stop text is shown after all") {
  Parrot parrot("aab ab");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit("x", {.stop_texts = {"abc"}});
  CHECK(pieces_of(completer) == std::vector<std::string>{"a", "ab ", "ab"});
  CHECK(completer.take(id)[0].text == "aab ab");
}

TEST_CASE("stop texts are found wherever the pieces break") {
  const std::string text = "the end is near, the end. is here";
  for (std::size_t size = 1; size < text.size(); ++size) {
    StopTexts stops({"end.", "no such"});
    std::string shown;
    for (std::size_t at = 0; at < text.size(); at += size) shown += stops.push(text.substr(at, size));
    CHECK(stops.found());
    CHECK(shown + stops.finish() == "the end is near, the ");
  }
}

TEST_CASE("a prompt that ends within a character is continued") {
  Parrot parrot("\xA9!");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit(std::vector<TokenId>{'a', 0xC3}, {});
  CHECK(pieces_of(completer) == std::vector<std::string>{"\xC3\xA9", "!"});
  completer.take(id);
}

TEST_CASE("a cancelled completion keeps what there is") {
  Parrot parrot("hello");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit("x", {});
  completer.step();
  completer.step();
  completer.cancel(id);
  CHECK(completer.idle());
  CHECK_FALSE(completer.finished(id));
  const auto completions = completer.take(id);
  CHECK(completions[0].text == "he");
  CHECK(completions[0].reason == FinishReason::cancelled);
  CHECK_FALSE(completions[0].finished);
  CHECK_THROWS_WITH_AS(completer.take(id), doctest::Contains("no request of this number"), Error);
}

TEST_CASE("ids that the tokenizer does not have say nothing") {
  Parrot parrot("");
  TextCompleter completer(parrot, bytes_tokenizer());
  const std::uint64_t id = completer.submit(std::vector<TokenId>{299, 'a'}, {});
  completer.step();
  CHECK(completer.take(id)[0].text.empty());
}

TEST_CASE("a tokenizer of another model and an empty stop text are refused") {
  Parrot small("x", 100);
  CHECK_THROWS_WITH_AS(TextCompleter(small, bytes_tokenizer()),
                       doctest::Contains("expected at most 100, got 259"), Error);
  Parrot parrot("x");
  TextCompleter completer(parrot, bytes_tokenizer());
  CHECK_THROWS_WITH_AS(completer.submit("x", {.stop_texts = {""}}),
                       doctest::Contains("a stop text is empty"), Error);
  CHECK(completer.idle());
}

TEST_SUITE_END();
