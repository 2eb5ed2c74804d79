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

// Writes <run>/model, with adapters also <run>/adapter, and names them in the summary.
void save_tuned_model(const std::filesystem::path& run, const ObjectiveParts& parts,
                      const LanguageModel& model, FineTuneSummary& summary,
                      const std::function<void(const std::string&)>& log);

}  // namespace rl
