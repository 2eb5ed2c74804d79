#include "learner/language/critic.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
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
  const auto theirs = text::Tokenizer::from_json(critic.tokenizer_json, where);
  const auto ours = text::Tokenizer::from_json(policy.tokenizer_json, "the policy's tokenizer");
  if (const auto id = ours.first_difference(theirs)) {
    throw Error({.where = where, .what = "the critic has another tokenizer than the policy",
                 .expected = "the same token for every id",
                 .got = "a difference at id " + std::to_string(*id), .remedy = kRemedy});
  }
  if (critic.config.vocabulary < ours.vocabulary_size()) {
    throw Error({.where = where, .what = "the critic's vocabulary is smaller than the tokenizer's",
                 .expected = "at least " + std::to_string(ours.vocabulary_size()),
                 .got = std::to_string(critic.config.vocabulary), .remedy = kRemedy});
  }
}

void require_context(const LanguageTrainOptions& options, const language::ModelConfig& config,
                     const std::string& where) {
  const std::size_t longest = options.max_prompt_tokens + options.max_new_tokens;
  if (longest <= config.context) return;
  throw Error({.where = where, .what = "the critic's context is too short for the texts",
               .expected = "max prompt + max new tokens of at most " +
                           std::to_string(config.context),
               .got = std::to_string(longest), .remedy = "lower --max-prompt or --max-new"});
}

}  // namespace

CriticStart critic_start(const LanguageTrainOptions& options, const language::ModelImage& policy) {
  language::ModelImage image = policy;
  if (!options.critic_model.empty()) {
    const language::ModelFolder folder = language::load_model(options.critic_model);
    const std::string where = "--critic " + options.critic_model;
    require_same_tokens(folder, policy, where);
    require_context(options, folder.config, where);
    image.config = folder.config;
    image.weights = folder.weights;
  }
  return {.config = image.config, .weights = image.weights,
          .digest = to_hex(digest(language::write_model_image(image)))};
}

}  // namespace rl
