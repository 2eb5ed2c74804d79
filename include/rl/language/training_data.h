// JSON lines of prompts and completions, or of conversations, to tokens with a loss mask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/text/chat_template.h"
#include "rl/text/tokenizer.h"

namespace rl::language {

// One sequence to learn from: prompt and completion, or a whole conversation.
struct TrainingExample {
  std::vector<text::TokenId> tokens;
  std::vector<std::uint8_t> loss;  // per token: 1 when predicting it is part of the loss
  // The last completion, for generation: [answer_begin, answer_end) with its end-of-sequence token
  // when it has one. What lies before is the prompt.
  std::size_t answer_begin = 0;
  std::size_t answer_end = 0;
  bool truncated = false;

  std::size_t loss_tokens() const;
};

enum class TooLong : std::uint8_t { truncate, skip, error };

struct DataOptions {
  std::size_t max_tokens = 0;              // of a sequence; at least 2
  TooLong too_long = TooLong::truncate;    // cut off at the end; skipped when no loss token is left
  bool loss_on_all = false;                // the prompts too
  bool skip_broken_lines = false;          // count them instead of throwing
};

// How text becomes tokens. Threads: immutable; any number of threads at once.
//
// {"prompt": P, "completion": C}: encode(P, with the tokenizer's special tokens) + encode(C) + EOS:
// prompt and completion are encoded apart, exactly as a generator sees the one and makes the other.
// The loss is on C and EOS.
//
// {"messages": [{"role": R, "content": T, ...}, ...]}: the chat template's text of all messages,
// encoded as a whole. The loss is on the assistant's messages: from the end of the prefix that
// opens the turn (add_generation_prompt) to the turn's stop token, which is included, or to the
// end of the turn. The spans come from encoding the conversation up to there; when those tokens are
// not a prefix of the whole (a template that rewrites earlier turns, a tokenizer that merges across
// the border) the example is refused: a mask that is off by a token would never be noticed. EOS is
// appended when the last turn is the assistant's and has no stop token. {"tools": [...]} beside
// the messages is given to the template.
class ExampleEncoder {
 public:
  struct Parts {
    std::optional<text::Tokenizer> tokenizer;             // required
    std::optional<text::ChatTemplate> chat_template{};    // required for conversations
    std::string bos_token{};                              // as the template writes them
    std::string eos_token{};
    text::TokenId eos_id = -1;                            // appended to completions
    std::vector<text::TokenId> stop_ids{};                // end an assistant's turn; eos_id too
  };

  // Throws Error when there is no tokenizer or the EOS is not in its vocabulary.
  ExampleEncoder(Parts parts, const DataOptions& options);

  // nullopt when it is too long and to be skipped. Other keys are passed over. Throws Error for
  // malformed JSON, missing keys, an empty completion, a conversation without an assistant's
  // message or without a template, and what is said above.
  std::optional<TrainingExample> encode(std::string_view line) const;

  // What lines are made of, at its full length. Throw Error as encode. The first `context` messages
  // are never in the loss.
  TrainingExample encode_completion(const std::string& prompt, const std::string& completion) const;
  TrainingExample encode_messages(const std::string& messages_json, const std::string& tools_json,
                                  std::size_t context = 0) const;

 private:
  struct Conversation;
  TrainingExample encode_chat(const Conversation& conversation) const;
  std::vector<text::TokenId> encode_turns(const Conversation& conversation, std::size_t count,
                                          bool open_turn) const;
  bool stops(text::TokenId id) const;
  bool fit(TrainingExample& example) const;

  Parts parts_;
  DataOptions options_;
};

struct TrainingData {
  std::vector<TrainingExample> examples;
  std::size_t lines = 0;             // that are not blank
  std::size_t broken = 0;            // skipped
  std::size_t skipped_too_long = 0;
  std::size_t truncated = 0;
  std::size_t tokens = 0;
  std::size_t loss_tokens = 0;
};

// Lines of at most 64 MiB; blank ones are passed over.
// Throws Error naming file and line; for a file that is missing, or has nothing to learn from.
TrainingData read_training_data(const std::filesystem::path& file, const ExampleEncoder& encoder,
                                const DataOptions& options);

// One line of counts for people: "7,000 examples, 62,345 tokens (...), 3 truncated".
std::string describe(const TrainingData& data);

}  // namespace rl::language
