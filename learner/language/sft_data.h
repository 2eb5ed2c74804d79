// What a fine-tuning run learns from and is measured with.
#pragma once

#include <string>

#include "learner/language/model_text.h"
#include "rl/language/training_data.h"
#include "rl/learner/fine_tune_options.h"

namespace rl {

struct SftData {
  language::TrainingData training;
  language::TrainingData validation;  // may be empty
  std::string digest{};               // of the tokens and masks learned from, in their order
};

// Throws Error as read_training_data, and when a split leaves nothing to learn from.
SftData read_sft_data(const FineTuneOptions& options, const ModelText& text, std::size_t context);

}  // namespace rl
