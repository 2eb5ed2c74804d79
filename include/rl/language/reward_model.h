// A reward model on the CPU: whole texts in, rewards out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "rl/text/tokenizer.h"

namespace rl::language {

// A *ForSequenceClassification directory with one label (`corral train --algo rm` writes one). The
// reward of a text is the score of its last token, computed by the kernels of rl/language in f32:
// the bits of ScalarModel's forward pass, on any number of threads.
// Threads: one call at a time per object.
class RewardModel {
 public:
  // Throws Error as load_model, and for a model without a scalar head or a tokenizer.
  explicit RewardModel(const std::filesystem::path& folder, std::size_t threads = 1);
  ~RewardModel();

  // Of prompt and completion as they were sampled, the token that ended it included. Throws Error
  // for no token, more than the context holds, and ids outside the vocabulary.
  float score(std::span<const text::TokenId> tokens);

  // Of configuration, tensors and tokenizer, however they lie in files: a run's processes compare.
  const std::string& digest() const;
  std::size_t context() const;
  // As Tokenizer::require_same_tokens: tokens are judged as they were sampled, not as text that is
  // encoded again.
  void require_tokenizer(const text::Tokenizer& policy) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl::language
