// Plays prompts to whole texts: turns of the policy, and what a tool says between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/text_generator.h"
#include "rl/text/tokenizer.h"

namespace rl::rollout {

// Says something into a text. Threads: immutable.
class TextTool {
 public:
  virtual ~TextTool() = default;
  // What follows the policy's words since the tool spoke last (or the prompt); nothing: the policy
  // goes on. Asked after every token, so most calls must cost little.
  virtual std::optional<std::string> reply(std::string_view words) const = 0;
};

// "": none (nullptr). "calculator": `<<2+3=` is followed by "5>>"; what is no sum stays without a
// reply. Throws Error for another name.
std::unique_ptr<TextTool> make_text_tool(const std::string& name);

// A text as it grows: see TextEpisode for the columns.
struct PlayedText {
  std::uint64_t stream = 0;        // of begin()
  std::size_t prompt_tokens = 0;
  std::vector<language::TokenId> tokens{};
  std::vector<std::uint8_t> sampled{};
  std::vector<float> log_probs{};
  std::vector<std::int64_t> versions{};
  language::FinishReason reason = language::FinishReason::stop;
  std::uint64_t turns = 0;         // replies so far
  std::size_t turn_begin = 0;      // first token of the policy's turn

  std::size_t completion_tokens() const { return tokens.size() - prompt_tokens; }
};

struct PlayRules {
  std::size_t max_new_tokens = 0;  // a tool's tokens count too
  language::SamplingOptions sampling{};
  std::vector<language::TokenId> stop_ids{};
  std::uint64_t seed = 0;
};

// A text depends on its prompt, its stream, the rules and the weights; not on what else is played.
// Threads: one thread at a time; the generator must outlive this and be used by nothing else.
class TextPlayer {
 public:
  TextPlayer(language::TextGenerator& generator, const text::Tokenizer& tokenizer,
             PlayRules rules, std::unique_ptr<TextTool> tool);

  // Sample i = 0 .. count - 1 of a prompt draws from stream + i (below 2^48), by which its text is
  // known again; they share the prompt's prefill. `version` is put beside tokens that nobody
  // sampled. Throws Error as TextGenerator::submit.
  void begin(const std::vector<language::TokenId>& prompt, std::size_t count, std::uint64_t stream,
             std::uint64_t version);
  // One forward pass; the texts that ended with it.
  std::vector<PlayedText> step();
  bool idle() const { return playing_.empty(); }
  void abandon();  // forgets every text

  // The completion without its stop token, as text.
  std::string completion(const PlayedText& text) const;

 private:
  struct Playing {
    PlayedText text;
    std::uint64_t request = 0;  // in the generator
    std::size_t sample = 0;
  };
  using Key = std::pair<std::uint64_t, std::size_t>;  // request and sample

  std::optional<PlayedText> accept(const language::GeneratedToken& token);
  std::optional<std::vector<language::TokenId>> tool_tokens(const PlayedText& text) const;
  std::optional<PlayedText> go_on(Playing playing, const std::vector<language::TokenId>& reply);

  language::TextGenerator& generator_;
  text::Tokenizer tokenizer_;
  PlayRules rules_;
  std::unique_ptr<TextTool> tool_;
  std::uint64_t next_request_ = 0;
  std::map<Key, Playing> playing_;
};

}  // namespace rl::rollout
