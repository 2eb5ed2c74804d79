#include "apps/corral/text_eval.h"

#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/stop_signals.h"
#include "rl/rollout/text_evaluation.h"

namespace rl::app {
namespace {

// The checkpoint's facts hold the lines of the run's configuration.
rollout::RunConfig config_of(const TrainedWeights& trained) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : trained.facts) {
    if (name.starts_with("text.")) values[name] = value;
  }
  rollout::RunConfig config;
  config.environment = trained.environment;
  config.text = rollout::text_run_config_from(values);
  config.num_environments = static_cast<std::uint32_t>(config.text->places());
  const auto seed = trained.facts.find("seed");
  if (seed != trained.facts.end()) config.seed = std::stoull(seed->second);
  return config;
}

}  // namespace

bool is_text_run(const TrainedWeights& trained) { return trained.facts.contains("text.task"); }

int evaluate_text_run(const TrainedWeights& trained, std::size_t most, bool show) {
  const StopSignals& signals = stop_on_signals("stopping; again: at once");
  rollout::TextEvaluationOptions options;
  options.most = most;
  options.stop = &signals.stop;
  const rollout::TextEvaluation result =
      rollout::evaluate_text(config_of(trained), trained.snapshot, options);
  if (show) {
    for (const rollout::TextAnswer& answer : result.answers) {
      std::printf("%s%s   expected %s, score %.6g%s\n", answer.prompt.c_str(),
                  answer.completion.c_str(), answer.expected.c_str(), answer.score,
                  answer.scored ? "" : " (could not be scored)");
    }
  }
  std::printf("%zu held-out problems, greedy\n", result.answers.size());
  std::printf("score   %.6g ± %.3g (standard error), %zu without one\n", result.mean_score(),
              result.standard_error(), result.unscored());
  std::printf("length  %.6g tokens\n", result.mean_tokens());
  return signals.stop ? kStopped : kDone;
}

}  // namespace rl::app
