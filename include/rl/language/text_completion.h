// Text in, text out: a tokenizer around a generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/text_generator.h"
#include "rl/text/tokenizer.h"

namespace rl::language {

struct CompletionOptions {
  std::size_t max_new_tokens = 128;
  std::size_t num_samples = 1;
  SamplingOptions sampling{};
  std::vector<TokenId> stop_ids{};         // usually ModelFolder::stop_ids
  std::vector<std::string> stop_texts{};   // end the text before the first one that appears
  std::uint64_t seed = 0;                  // as in GenerationRequest
  std::uint64_t stream = 0;
};

// Text that has become certain: whole characters, and no beginning of a stop text.
struct TextPiece {
  std::uint64_t request = 0;
  std::size_t sample = 0;
  std::string text{};
  bool last = false;
};

// One sample. The tokens are what was sampled, a stop token and those of a stop text included; the
// text is a view of them without special tokens.
struct Completion {
  std::string text{};
  std::vector<TokenId> tokens{};
  std::vector<float> log_probs{};         // as GeneratedToken's, one per token
  std::vector<float> policy_log_probs{};
  bool finished = false;
  FinishReason reason = FinishReason::cancelled;
};

// Threads: one thread at a time. The generator must outlive this and be used by nothing else.
class TextCompleter {
 public:
  // Throws Error when the tokenizer has ids that the model does not know.
  TextCompleter(TextGenerator& generator, text::Tokenizer tokenizer);
  ~TextCompleter();

  // The request's number: 0, 1, 2, ... Throws Error (and takes nothing) as
  // TextGenerator::submit, and for an empty stop text.
  std::uint64_t submit(std::vector<TokenId> prompt, const CompletionOptions& options);
  // Encodes with the special tokens that the tokenizer puts around a text.
  std::uint64_t submit(std::string_view prompt, const CompletionOptions& options);
  // Ends what is unfinished; what there is of it stays and its reason is `cancelled`.
  void cancel(std::uint64_t request);

  // TextGenerator::step, and the text it made. Pieces of no text are left out unless last.
  std::vector<TextPiece> step();
  bool idle() const { return generator_->idle(); }

  bool finished(std::uint64_t request) const;  // all of its samples
  // The samples of a request, which is then forgotten (and cancelled if unfinished). Throws Error
  // for an unknown one.
  std::vector<Completion> take(std::uint64_t request);

  const text::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  struct Sample;
  struct Request;
  TextPiece accept(const GeneratedToken& token);

  TextGenerator* generator_;
  text::Tokenizer tokenizer_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Request>> requests_;
};

// "stop", "length", "context" or "cancelled".
std::string_view name_of(FinishReason reason);

}  // namespace rl::language
