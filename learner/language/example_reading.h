// How a fine-tuning run's options say that lines become examples.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "learner/language/model_text.h"
#include "rl/language/training_data.h"
#include "rl/learner/fine_tune_options.h"

namespace rl {

language::DataOptions data_options(const FineTuneOptions& options, std::size_t context);

// With the model's own tokenizer and chat template. Throws Error as ExampleEncoder.
language::ExampleEncoder make_encoder(const FineTuneOptions& options, const ModelText& text,
                                      const language::DataOptions& data);

// Of the tokens and masks, in their order. Threads: pure functions, as all here.
std::string digest_of(std::span<const language::TrainingExample* const> examples);

}  // namespace rl
