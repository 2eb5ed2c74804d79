#include "rollout/text_scoring.h"

#include <memory>

#include "rl/core/error.h"
#include "rl/language/reward_model.h"

namespace rl::rollout {
namespace {

using language::Scorer;

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

// One text at a time: its rows fill the kernels as a batch of short ones would.
language::Verifier reward_model(const TextReward& reward) {
  const auto model = std::make_shared<language::RewardModel>(reward.argument);
  if (!reward.digest.empty() && model->digest() != reward.digest) {
    throw Error({.where = reward.argument,
                 .what = "it is not the reward model that the learner has",
                 .expected = "digest " + reward.digest, .got = model->digest(),
                 .remedy = "copy the learner's folder to this machine"});
  }
  return [model](const language::TextProblem&, const language::JudgedText& completion) {
    return std::optional<double>(model->score(completion.tokens));
  };
}

Scorer::Term term_of(const TextReward& reward, const TextRunConfig& config,
                     const language::VerifierRegistry& verifiers) {
  Scorer::Term term{.verifier = {}, .weight = reward.weight, .name = reward.verifier};
  if (reward.verifier == kTaskRewardName) {
    term.verifier = task_verifier(config);
    return term;
  }
  if (reward.verifier == kRewardModelName) {
    term.verifier = reward_model(reward);
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
    rewards.push_back({.verifier = config.from_file() ? "answer" : kTaskRewardName});
  }
  std::vector<Scorer::Term> terms;
  for (const TextReward& reward : rewards) {
    terms.push_back(term_of(reward, config, verifiers));
  }
  return Scorer(std::move(terms), config.reward_limit);
}

}  // namespace rl::rollout
