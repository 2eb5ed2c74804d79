#include "rl/language/text_completion.h"

#include <algorithm>
#include <utility>

#include "rl/core/error.h"
#include "src/language/stop_texts.h"

namespace rl::language {
namespace {

constexpr const char* kWhere = "text completion";

// Decodes what follows a prompt. What came before decides how the first new token reads, so the
// decoder hears the prompt, too.
class ContinuationDecoder {
 public:
  ContinuationDecoder(const text::Tokenizer& tokenizer, const std::vector<TokenId>& prompt)
      : decoder_(tokenizer) {
    text::StreamDecoder prompt_alone(tokenizer);
    for (const TokenId id : prompt) {
      text_of(decoder_, id);
      text_of(prompt_alone, id);
    }
    held_ = prompt_alone.finish();
  }

  std::string push(TokenId id) { return new_part(text_of(decoder_, id)); }
  std::string finish() { return new_part(decoder_.finish()); }

 private:
  // Models may have more ids than their tokenizer (padding to a round number): those say nothing.
  static std::string text_of(text::StreamDecoder& decoder, TokenId id) {
    try {
      return decoder.push(id);
    } catch (const Error&) {
      return {};
    }
  }

  // The prompt's end may have been held back until now.
  std::string new_part(std::string text) {
    if (text.empty()) return text;
    if (text.starts_with(held_)) text.erase(0, held_.size());
    held_.clear();
    return text;
  }

  text::StreamDecoder decoder_;
  std::string held_;
};

}  // namespace

struct TextCompleter::Sample {
  ContinuationDecoder decoder;
  StopTexts stops;
  Completion completion{};
};

struct TextCompleter::Request {
  std::vector<Sample> samples;
};

TextCompleter::TextCompleter(TextGenerator& generator, text::Tokenizer tokenizer)
    : generator_(&generator), tokenizer_(std::move(tokenizer)) {
  if (tokenizer_.vocabulary_size() <= generator.config().vocabulary) return;
  throw Error({.where = kWhere,
               .what = "the tokenizer has ids that the model does not know",
               .expected = "at most " + std::to_string(generator.config().vocabulary),
               .got = std::to_string(tokenizer_.vocabulary_size()),
               .remedy = "use the tokenizer.json that the model came with"});
}

TextCompleter::~TextCompleter() = default;

std::uint64_t TextCompleter::submit(std::string_view prompt, const CompletionOptions& options) {
  return submit(tokenizer_.encode(prompt), options);
}

std::uint64_t TextCompleter::submit(std::vector<TokenId> prompt,
                                    const CompletionOptions& options) {
  if (std::ranges::any_of(options.stop_texts, &std::string::empty)) {
    throw Error({.where = kWhere, .what = "a stop text is empty"});
  }
  auto request = std::make_unique<Request>();
  for (std::size_t sample = 0; sample < options.num_samples; ++sample) {
    request->samples.push_back({ContinuationDecoder(tokenizer_, prompt),
                                StopTexts(options.stop_texts)});
  }
  generator_->submit({.id = next_,
                      .prompt = std::move(prompt),
                      .num_samples = options.num_samples,
                      .max_new_tokens = options.max_new_tokens,
                      .sampling = options.sampling,
                      .stop_ids = options.stop_ids,
                      .seed = options.seed,
                      .stream = options.stream});
  requests_[next_] = std::move(request);
  return next_++;
}

void TextCompleter::cancel(std::uint64_t request) { generator_->cancel(request); }

std::vector<TextPiece> TextCompleter::step() {
  std::vector<TextPiece> pieces;
  for (const GeneratedToken& token : generator_->step()) {
    TextPiece piece = accept(token);
    if (piece.last || !piece.text.empty()) pieces.push_back(std::move(piece));
  }
  return pieces;
}

TextPiece TextCompleter::accept(const GeneratedToken& token) {
  Sample& sample = requests_.at(token.request)->samples[token.sample];
  Completion& completion = sample.completion;
  completion.tokens.push_back(token.token);
  completion.log_probs.push_back(token.log_prob);
  completion.policy_log_probs.push_back(token.policy_log_prob);

  std::string text = sample.decoder.push(token.token);
  if (token.last) text += sample.decoder.finish();
  TextPiece piece{.request = token.request,
                  .sample = token.sample,
                  .text = sample.stops.push(text),
                  .last = token.last || sample.stops.found()};
  if (piece.last) {
    piece.text += sample.stops.finish();
    completion.finished = true;
    completion.reason = sample.stops.found() ? FinishReason::stop : token.reason;
    if (!token.last) generator_->cancel(token.request, token.sample);
  }
  completion.text += piece.text;
  return piece;
}

bool TextCompleter::finished(std::uint64_t request) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return false;
  return std::ranges::all_of(found->second->samples,
                             [](const Sample& sample) { return sample.completion.finished; });
}

std::vector<Completion> TextCompleter::take(std::uint64_t request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) {
    throw Error({.where = kWhere,
                 .what = "there is no request of this number",
                 .got = std::to_string(request)});
  }
  generator_->cancel(request);
  std::vector<Completion> completions;
  for (Sample& sample : found->second->samples) {
    // What was held back in a cancelled one is part of it.
    if (!sample.completion.finished) {
      sample.completion.text += sample.stops.push(sample.decoder.finish());
      sample.completion.text += sample.stops.finish();
    }
    completions.push_back(std::move(sample.completion));
  }
  requests_.erase(found);
  return completions;
}

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::context: return "context";
    case FinishReason::cancelled: break;
  }
  return "cancelled";
}

}  // namespace rl::language
