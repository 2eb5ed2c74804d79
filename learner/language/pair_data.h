// The pairs that a run learns from and is measured with.
#pragma once

#include <string>

#include "learner/language/model_text.h"
#include "rl/language/preference_data.h"
#include "rl/learner/fine_tune_options.h"

namespace rl {

struct PairData {
  language::PreferenceData training;
  language::PreferenceData validation;  // may be empty
  std::string digest{};                 // of the tokens and margins learned from, in their order
};

// Throws Error as read_preference_data, and when a split leaves nothing to learn from.
PairData read_pair_data(const FineTuneOptions& options, const ModelText& text,
                        std::size_t context);

}  // namespace rl
