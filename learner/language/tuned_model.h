// The language model of a fine-tuning run: how it is made, and what is left of it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "learner/language/objective.h"
#include "rl/language/model_weights.h"
#include "rl/models/language_model.h"

namespace rl {

LanguageModelOptions model_options(const FineTuneOptions& options);
std::size_t num_threads(const FineTuneOptions& options);

// Of the bytes of all tensors, in their order.
std::string digest_of(const language::ModelWeights& weights);

// f32, bf16 or f16 by the name that options have for it.
DType saved_dtype(const std::string& name);

// A model folder like the one that the run started from, with what was trained.
void save_like(const std::filesystem::path& folder, const language::ModelFolder& start,
               const language::ModelConfig& config, language::ModelWeights weights, DType dtype);

// Writes <run>/adapter for a model with adapters, `base` being the folder of the model below them;
// its path, or nothing where there is none to write (which `log`, if any, is told of GPT-2's).
std::string save_adapter_folder(const std::filesystem::path& run, const LanguageModel& model,
                                const std::string& base,
                                const std::function<void(const std::string&)>& log);

// Writes <run>/model, with adapters also <run>/adapter, and names them in the summary.
void save_tuned_model(const std::filesystem::path& run, const ObjectiveParts& parts,
                      const LanguageModel& model, FineTuneSummary& summary,
                      const std::function<void(const std::string&)>& log);

}  // namespace rl
