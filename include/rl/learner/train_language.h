// Trains a language model by reinforcement, from start or from its last checkpoint, to its end.
#pragma once

#include "rl/learner/language_train_options.h"
#include "rl/learner/train.h"

namespace rl {

// As train() (rl/learner/train.h), with rounds of texts for steps of environments, plus
// <out>/samples.jsonl (a few held-out completions of every evaluation) and, unless interrupted, the
// trained model as a Hugging Face directory: options.export_to, else <out>/model; with LoRA also
// <out>/adapter (PEFT's format). The return of an evaluation is the mean score of greedy
// completions of held-out problems.
// In lockstep on the CPU the weights depend on options, seed, model and prompts alone: not on the
// number or kind of workers, on threads, or on kills and resumes in between.
// Threads: runs on the caller's thread and sets the process's LibTorch threads; one training at a
// time per process.
TrainSummary train_language(const LanguageTrainOptions& options, const TrainHooks& hooks);

}  // namespace rl
