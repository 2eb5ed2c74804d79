// What differs between a run on environments and a run on texts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "learner/evaluator.h"
#include "rl/core/spec.h"
#include "rl/language/text_generator.h"
#include "rl/learner/algorithm.h"
#include "rl/rollout/text_run_config.h"

namespace rl {

// Threads: a plain value.
struct RunParts {
  EnvironmentSpec spec;
  std::unique_ptr<Algorithm> algorithm{};
  // Texts instead of an environment: TrainOptions::total_steps and evaluate_every count rounds.
  std::optional<rollout::TextRunConfig> text{};
  // Of local worker threads.
  language::GeneratorFactory make_generator = &language::make_cpu_generator;
  EvaluateFunction evaluate{};                     // empty: no evaluations
  std::map<std::string, std::string> identity{};   // what a resumed run must share beside the usual
  int torch_threads = 1;
  // Gets what an evaluation told about single texts, with the run's steps; may be empty.
  std::function<void(std::uint64_t steps, const std::string& samples)> write_samples{};
};

}  // namespace rl
