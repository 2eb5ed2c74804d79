// JSON lines of pairs of completions, one preferred over the other, to tokens with loss masks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/training_data.h"

namespace rl::language {

// Two completions of one prompt. Both sequences begin with the same prompt tokens and end with the
// token that ends a completion: where a sampled completion ends, and a reward model looks.
struct PreferencePair {
  TrainingExample chosen{};
  TrainingExample rejected{};
  double margin = 0.0;  // by how much the chosen one is better; read by reward models

  std::size_t tokens() const { return chosen.tokens.size() + rejected.tokens.size(); }
};

// Pairs that teach nothing are left out and counted, each under its first reason.
struct ExcludedPairs {
  std::size_t empty = 0;      // a completion without text
  std::size_t identical = 0;  // equal completions
  std::size_t too_long = 0;   // a sequence of more than max_tokens; cut off it would be another one
  std::size_t total() const { return empty + identical + too_long; }
};

// How pairs become tokens; each completion exactly as ExampleEncoder makes it.
// Threads: immutable after construction.
//
// {"prompt": P, "chosen": C, "rejected": R}: three texts, or three lists of messages. Without a
// prompt, chosen and rejected are whole conversations, and the messages that both begin with are
// the prompt. "tools" and "margin" (a finite number) may stand beside them. The loss is on the
// assistant's messages of chosen and rejected, the first and last of which must be the assistant's.
class PairEncoder {
 public:
  // Of the options, max_tokens and too_long (skip or error) count here.
  PairEncoder(ExampleEncoder encoder, const DataOptions& options);

  // nullopt for a pair that is left out. Throws Error for malformed JSON, keys that are missing or
  // of another type, and as ExampleEncoder.
  std::optional<PreferencePair> encode(std::string_view line, ExcludedPairs& excluded) const;

 private:
  bool fits(const PreferencePair& pair) const;

  ExampleEncoder encoder_;
  DataOptions options_;
};

struct PreferenceData {
  std::vector<PreferencePair> pairs;
  std::size_t lines = 0;   // that are not blank
  std::size_t broken = 0;  // skipped
  ExcludedPairs excluded{};
};

// Throws Error as read_training_data.
PreferenceData read_preference_data(const std::filesystem::path& file, const PairEncoder& encoder,
                                    const DataOptions& options);

// One line of counts for people: "2,000 pairs, 412,345 tokens, 12 identical, left out".
std::string describe(const PreferenceData& data);

}  // namespace rl::language
