#include "learner/language/critic.h"
#include "learner/language/policy_setup.h"
#include "learner/language/tuned_model.h"
#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/text/tokenizer.h"

namespace rl {
namespace {

// The policy's ids must mean the same to the critic.
void require_same_tokens(const language::ModelFolder& critic, const language::ModelImage& policy,
                         const std::string& where) {
  constexpr const char* kRemedy = "a critic reads the policy's tokens: take one of the same family";
  if (critic.tokenizer_json.empty()) {
    throw Error({.where = where, .what = "the critic has no tokenizer to compare with the policy's",
                 .expected = "tokenizer.json beside its weights", .remedy = kRemedy});
  }
  const auto policys = text::Tokenizer::from_json(policy.tokenizer_json, "the policy's tokenizer");
  text::Tokenizer::from_json(critic.tokenizer_json, where).require_same_tokens(policys, where);
  if (critic.config.vocabulary < policys.vocabulary_size()) {
    throw Error({.where = where, .what = "the critic's vocabulary is smaller than the tokenizer's",
                 .expected = "at least " + std::to_string(policys.vocabulary_size()),
                 .got = std::to_string(critic.config.vocabulary), .remedy = kRemedy});
  }
}

}  // namespace

CriticStart critic_start(const LanguageTrainOptions& options, const language::ModelImage& policy) {
  CriticStart start{.config = policy.config, .weights = policy.weights};
  if (!options.critic_model.empty()) {
    const language::ModelFolder folder = language::load_model(options.critic_model);
    const std::string where = "--critic " + options.critic_model;
    require_same_tokens(folder, policy, where);
    require_context(options, folder.config.context, where, "the critic");
    start = {.config = folder.config, .weights = folder.weights};
  }
  start.digest = digest_of(start.weights);
  return start;
}

}  // namespace rl
