#include "rollout/text_scoring.h"

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

using language::Scorer;

constexpr const char* kTaskName = "task";

language::Verifier task_verifier(const TextRunConfig& config) {
  if (config.from_file()) {
    throw Error({.where = "text run", .what = "the reward 'task' needs a procedural task",
                 .got = "problems from " + config.prompts_file});
  }
  const std::shared_ptr<const language::TextTask> task =
      language::make_text_task(config.task_options());
  return [task](const language::TextProblem& problem, std::string_view completion) {
    return std::optional<double>(task->score(problem, completion));
  };
}

Scorer::Term term_of(const TextReward& reward, const TextRunConfig& config,
                     const language::VerifierRegistry& verifiers) {
  Scorer::Term term{.verifier = {}, .weight = reward.weight, .name = reward.verifier};
  if (reward.verifier == kTaskName) {
    term.verifier = task_verifier(config);
    return term;
  }
  const language::VerifierEntry& entry = verifiers.require(reward.verifier);
  term.verifier = entry.make(reward.argument);
  term.deadline = entry.deadline;
  return term;
}

}  // namespace

Scorer make_scorer(const TextRunConfig& config, const language::VerifierRegistry& verifiers) {
  std::vector<TextReward> rewards = config.rewards;
  if (rewards.empty()) {
    rewards.push_back({.verifier = config.from_file() ? "answer" : kTaskName});
  }
  std::vector<Scorer::Term> terms;
  for (const TextReward& reward : rewards) {
    terms.push_back(term_of(reward, config, verifiers));
  }
  return Scorer(std::move(terms), config.reward_limit);
}

}  // namespace rl::rollout
