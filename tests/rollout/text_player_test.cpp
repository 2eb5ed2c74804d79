#include "rollout/text_player.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "rl/core/error.h"
#include "rollout/text_run.h"

namespace rl::rollout {
namespace {

using language::FinishReason;
using language::GeneratedToken;
using language::GenerationRequest;
using language::TokenId;

constexpr float kLogProb = -0.25F;

// Says a script byte by byte; whoever comes with a prompt that holds a part of it goes on there.
class Scripted final : public language::TextGenerator {
 public:
  Scripted(std::string prompt, std::string script) : whole_(prompt + script) {
    config_.vocabulary = tests::kByteVocabulary;
  }
  void submit(GenerationRequest request) override {
    for (std::size_t i = 0; i < request.num_samples; ++i) {
      running_.push_back({request.id, i, request.prompt.size(), request.max_new_tokens});
    }
    requests.push_back(std::move(request));
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
      const bool stop = voice.next == whole_.size();
      const TokenId id =
          stop ? tests::kByteEnd : static_cast<unsigned char>(whole_[voice.next]);
      ++voice.next;
      --voice.left;
      tokens.push_back({.request = voice.request, .sample = voice.sample, .token = id,
                        .log_prob = 9.0F, .policy_log_prob = kLogProb, .weight_version = 4,
                        .last = stop || voice.left == 0,
                        .reason = stop ? FinishReason::stop : FinishReason::length});
    }
    std::erase_if(running_, [&](const Voice& voice) {
      return voice.left == 0 || voice.next > whole_.size();
    });
    return tokens;
  }
  bool idle() const override { return running_.empty(); }
  void set_weights(const language::ModelWeights&, std::uint64_t) override {}
  const language::ModelConfig& config() const override { return config_; }

  std::vector<GenerationRequest> requests;

 private:
  struct Voice {
    std::uint64_t request;
    std::size_t sample;
    std::size_t next;
    std::size_t left;
  };
  std::string whole_;
  language::ModelConfig config_;
  std::vector<Voice> running_;
};

std::vector<TokenId> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::vector<PlayedText> play(Scripted& generator, const std::string& prompt,
                             const std::string& tool, std::size_t max_new_tokens,
                             std::size_t samples = 1) {
  TextPlayer player(generator,
                    text::Tokenizer::from_json(text::byte_tokenizer_json(), "bytes"),
                    {.max_new_tokens = max_new_tokens, .stop_ids = {tests::kByteEnd}, .seed = 3},
                    make_text_tool(tool));
  player.begin(bytes_of(prompt), samples, 100, 4);
  std::vector<PlayedText> texts;
  while (!player.idle()) {
    for (PlayedText& text : player.step()) texts.push_back(std::move(text));
  }
  CHECK(generator.idle());
  return texts;
}

std::string words(const PlayedText& text) {
  std::string words;
  for (const TokenId id : text.tokens) words += id < 256 ? static_cast<char>(id) : '$';
  return words;
}

// Has its say behind every small byte, so that a random model meets it often.
class Interrupting final : public TextTool {
 public:
  std::optional<std::string> reply(std::string_view words) const override {
    if (words.empty() || static_cast<unsigned char>(words.back()) >= 64) return std::nullopt;
    return "[" + std::to_string(words.size()) + "]";
  }
};

// By stream, from 100.
std::vector<PlayedText> play_interrupted(const language::GeneratorOptions& options) {
  const language::ModelImage model = tests::tiny_image(1);
  const auto generator = language::make_cpu_generator(model.config, model.weights, 1, options);
  TextPlayer player(*generator, text::Tokenizer::from_json(model.tokenizer_json, "bytes"),
                    {.max_new_tokens = 40, .stop_ids = model.stop_ids, .seed = 3},
                    std::make_unique<Interrupting>());
  player.begin(bytes_of("one"), 6, 100, 1);
  player.begin(bytes_of("another"), 6, 106, 1);
  std::vector<PlayedText> texts(12);
  while (!player.idle()) {
    for (PlayedText& text : player.step()) texts[text.stream - 100] = std::move(text);
  }
  return texts;
}

TEST_SUITE("text player") {
  TEST_CASE("texts with a tool have the same bytes in any batch, and end with the policy's words") {
    const auto expected = play_interrupted({.threads = 1});
    language::GeneratorOptions other{.page_size = 3, .max_sequences = 5, .threads = 2};
    const auto found = play_interrupted(other);
    std::uint64_t turns = 0;
    for (std::size_t i = 0; i < 12; ++i) {
      const PlayedText& text = expected[i];
      CHECK(found[i].tokens == text.tokens);
      CHECK(found[i].sampled == text.sampled);
      CHECK(found[i].log_probs == text.log_probs);
      CHECK(text.completion_tokens() <= 40);
      CHECK(text.sampled.back() == 1);
      turns += text.turns;
    }
    CHECK(turns > 12);
  }

  TEST_CASE("samples of a prompt share a request and have streams in a row") {
    Scripted generator("ab", "cd");
    auto texts = play(generator, "ab", "", 10, 3);
    CHECK(generator.requests.size() == 1);
    CHECK(generator.requests[0].num_samples == 3);
    CHECK(generator.requests[0].stream == 100);
    CHECK(generator.requests[0].seed == 3);
    REQUIRE(texts.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(texts[i].stream == 100 + i);
      CHECK(words(texts[i]) == "abcd$");
      CHECK(texts[i].sampled == std::vector<std::uint8_t>{0, 0, 1, 1, 1});
      CHECK(texts[i].log_probs == std::vector<float>{0, 0, kLogProb, kLogProb, kLogProb});
      CHECK(texts[i].versions == std::vector<std::int64_t>(5, 4));
      CHECK(texts[i].reason == FinishReason::stop);
    }
  }

  TEST_CASE("the calculator answers inside the text; its tokens were not sampled") {
    Scripted generator("p", "a <<2*3=6>>6, <<6/4=1.5>>!");
    const auto texts = play(generator, "p", "calculator", 60);
    REQUIRE(texts.size() == 1);
    CHECK(words(texts[0]) == "pa <<2*3=6>>6, <<6/4=1.5>>!$");
    std::string marks;
    for (const auto sampled : texts[0].sampled) marks += sampled == 1 ? '1' : '0';
    CHECK(marks == "01111111100011111111100000" "11");
    for (std::size_t i = 0; i < marks.size(); ++i) {
      CHECK(texts[0].log_probs[i] == (marks[i] == '1' ? kLogProb : 0.0F));
    }
    CHECK(texts[0].turns == 2);
  }

  TEST_CASE("each turn draws from a stream of its own and counts against the same length") {
    Scripted generator("p", "<<1+1=2>>x");
    play(generator, "p", "calculator", 20);
    REQUIRE(generator.requests.size() == 2);
    CHECK(generator.requests[1].stream == 100 + (std::uint64_t{1} << 48));
    CHECK(generator.requests[1].prompt == bytes_of("p<<1+1=2>>"));
    CHECK(generator.requests[1].max_new_tokens == 20 - 9);
  }

  TEST_CASE("what is no sum gets no reply, and a reply that does not fit ends the text") {
    Scripted plain("p", "<<x=1, a=b");
    CHECK(play(plain, "p", "calculator", 60)[0].turns == 0);
    Scripted narrow("p", "<<1+1=2>>x");
    const auto texts = play(narrow, "p", "calculator", 9);
    CHECK(words(texts[0]) == "p<<1+1=");
    CHECK(texts[0].reason == FinishReason::length);
  }

  TEST_CASE("the completion is the text without prompt and stop token") {
    Scripted generator("ab", "cd");
    TextPlayer player(generator,
                      text::Tokenizer::from_json(text::byte_tokenizer_json(), "bytes"),
                      {.max_new_tokens = 5, .stop_ids = {tests::kByteEnd}}, nullptr);
    player.begin(bytes_of("ab"), 1, 0, 1);
    std::vector<PlayedText> texts;
    while (texts.empty()) texts = player.step();
    CHECK(player.completion(texts[0]) == "cd");
  }

  TEST_CASE("an unknown tool is named") {
    CHECK_THROWS_WITH_AS(make_text_tool("browser"), doctest::Contains("browser"), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
