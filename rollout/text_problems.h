// The problems of a run, by number.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/language/text_tasks.h"
#include "rl/rollout/run_config.h"
#include "rollout/text_model.h"

namespace rl::rollout {

struct TextPrompt {
  language::TextProblem problem;
  std::vector<language::TokenId> tokens;  // at least one, at most max_prompt_tokens
};

// Problems that were passed over because nobody could answer them.
struct ExcludedPrompts {
  std::uint64_t empty = 0;      // no token is left of the prompt
  std::uint64_t too_long = 0;   // more than max_prompt_tokens
  std::uint64_t refused = 0;    // by the tokenizer or the chat template
  std::uint64_t broken = 0;     // lines of the file
  std::string last{};           // the last one and why, for the log

  std::uint64_t total() const { return empty + too_long + refused + broken; }
};

// Lets through what can be answered, counts what cannot.
// Threads: one thread at a time.
class PromptSieve {
 public:
  PromptSieve(const PromptEncoder& encoder, std::size_t max_prompt_tokens)
      : encoder_(encoder), max_prompt_tokens_(max_prompt_tokens) {}

  std::optional<TextPrompt> pass(const language::TextProblem& problem);
  std::vector<TextPrompt> pass(const std::vector<language::TextProblem>& problems);
  void count_broken(std::uint64_t lines) { excluded_.broken += lines; }
  const ExcludedPrompts& excluded() const { return excluded_; }
  std::size_t max_prompt_tokens() const { return max_prompt_tokens_; }

 private:
  PromptEncoder encoder_;
  std::size_t max_prompt_tokens_;
  ExcludedPrompts excluded_;
};

// Depends on the run's configuration and the tokenizer alone.
// Threads: one thread at a time.
class TextProblems {
 public:
  virtual ~TextProblems() = default;

  // Problem `number` (from 0) that the policy is trained on; never one that is held out.
  // Throws Error when there is none to be found.
  virtual TextPrompt training(std::uint64_t number) = 0;
  // In a fixed order; unusable ones are left out and counted.
  virtual std::vector<TextPrompt> held_out() = 0;
  virtual const ExcludedPrompts& excluded() const = 0;
};

// Throws Error for an unknown task, and for a file that is broken, without problems or not the one
// the learner has (both digests are shown).
std::unique_ptr<TextProblems> make_text_problems(const RunConfig& config,
                                                 const PromptEncoder& encoder);
// The usable problems of a file, in its order. Throws Error as above.
std::vector<TextPrompt> read_prompts(const std::string& file, bool skip_broken_lines,
                                     PromptSieve& sieve);

}  // namespace rl::rollout
