// A weights image made ready for the texts of a run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rl/formats/weight_snapshot.h"
#include "rl/language/model_image.h"
#include "rl/language/text_generator.h"
#include "rl/rollout/text_run_config.h"
#include "rl/text/chat_template.h"
#include "rl/text/tokenizer.h"

namespace rl::rollout {

// Throws Error naming the version unless the image is a model of the run's vocabulary whose
// context holds the run's longest text. `known_tokenizer`: as read_model_image.
language::ModelImage read_text_model(const WeightSnapshot& snapshot, const TextRunConfig& config,
                                     std::string_view known_tokenizer = {});

// How the prompts of a run become tokens, and tokens text.
// Threads: immutable after construction.
class PromptEncoder {
 public:
  // Throws Error when the run wants a chat template and the model has none.
  PromptEncoder(const TextRunConfig& config, const language::ModelImage& model);

  // Empty when nothing is left of it. Throws Error for what template or tokenizer refuse.
  std::vector<language::TokenId> encode(const std::string& prompt) const;
  const text::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  std::string template_;
  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_;
  text::ChatOptions chat_options_;
};

}  // namespace rl::rollout
