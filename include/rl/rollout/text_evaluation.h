// Greedy completions of the held-out problems, scored as in training.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rl/formats/weight_snapshot.h"
#include "rl/language/text_generator.h"
#include "rl/language/verifier.h"
#include "rl/rollout/run_config.h"

namespace rl::rollout {

struct TextEvaluationOptions {
  std::size_t most = 0;             // first so many of the held-out problems; 0: all
  // Problems of this file of JSON lines instead of the held-out ones; empty: those.
  std::string file{};
  // cache_pages = 0 here means what the longest problem needs, not the model's whole context.
  language::GeneratorOptions generator{};
  language::GeneratorFactory make_generator = &language::make_cpu_generator;
  const std::atomic<bool>* stop = nullptr;  // ends early; unfinished problems do not count
};

// One problem as the policy answered it: a line of samples.jsonl.
struct TextAnswer {
  std::string prompt{};             // as the model saw it, decoded
  std::string expected{};           // the problem's answer
  std::string completion{};         // without the stop token
  std::uint32_t tokens = 0;         // of the completion, the stop token included
  double score = 0.0;
  bool scored = true;               // false: no verifier could say
  bool truncated = false;           // its length ended it
};

struct TextEvaluation {
  std::vector<TextAnswer> answers{};  // in the order of the problems
  std::uint64_t weight_version = 0;
  // Problems (of a file: all of it) that were passed over: empty, too long or broken.
  std::uint64_t excluded = 0;

  double mean_score() const;      // of those that were scored; 0 when none was
  double standard_error() const;  // of the mean
  double mean_tokens() const;
  std::size_t unscored() const;
};

// The same weights and configuration give the same result.
// Throws Error when the image is no model, does not fit the configuration, or there is no problem.
// Threads: runs on the caller's thread (and the generator's).
TextEvaluation evaluate_text(const RunConfig& config, const WeightSnapshot& snapshot,
                             const TextEvaluationOptions& options,
                             const language::VerifierRegistry& verifiers =
                                 language::builtin_verifiers());

}  // namespace rl::rollout
