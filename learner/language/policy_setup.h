// What the options of a reinforcement-learning run on texts say to the parts of its algorithm.
#pragma once

#include <cstddef>
#include <string>

#include "learner/language/learning_texts.h"
#include "rl/learner/language_train_options.h"
#include "rl/models/adam.h"
#include "rl/models/language_model.h"

namespace rl {

// Of the policy and what learns beside it. Threads: pure functions, as all here.
LanguageModelOptions model_options(const LanguageTrainOptions& options);
AdamOptions adam_options(const LanguageTrainOptions& options);

// options.policy with what was chosen by name.
LanguagePolicyOptions policy_options(const LanguageTrainOptions& options);

// Throws Error when the longest text is longer than the context of `model`, e.g. "the critic".
void require_context(const LanguageTrainOptions& options, std::size_t context,
                     const std::string& where, const std::string& model);

// Of texts that a policy of this context samples; throws Error when it is too short for them.
TextLimits text_limits(const LanguageTrainOptions& options, std::size_t context);

}  // namespace rl
