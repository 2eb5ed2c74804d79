// What a run on texts tells its workers, and how it is evaluated.
#pragma once

#include <filesystem>
#include <string>

#include "learner/run_parts.h"
#include "rl/language/model_files.h"
#include "rl/language/model_image.h"
#include "rl/learner/language_train_options.h"

namespace rl {

// Throws Error when the folder has no tokenizer or no token that ends a completion.
language::ModelImage start_image(const language::ModelFolder& model, const std::string& where);

// Throws Error for what rollout::validate refuses, a prompts file that cannot be read, and a reward
// model that is none, has another tokenizer or a shorter context than the run's texts.
rollout::TextRunConfig text_run_config(const LanguageTrainOptions& options,
                                       const language::ModelFolder& model);

// What local worker threads and evaluations sample with.
language::GeneratorFactory generators(const LanguageTrainOptions& options);

// Greedy completions of held-out problems; the first `options.samples` are told as JSON lines.
EvaluateFunction text_evaluation(const LanguageTrainOptions& options,
                                 const rollout::TextRunConfig& text);

}  // namespace rl
