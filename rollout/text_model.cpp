#include "rollout/text_model.h"

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

constexpr std::string_view kPlaceholder = "{prompt}";

std::string filled(std::string_view pattern, const std::string& prompt) {
  std::string text;
  while (true) {
    const std::size_t hole = pattern.find(kPlaceholder);
    text += pattern.substr(0, hole);
    if (hole == std::string_view::npos) return text;
    text += prompt;
    pattern.remove_prefix(hole + kPlaceholder.size());
  }
}

}  // namespace

language::ModelImage read_text_model(const WeightSnapshot& snapshot, const TextRunConfig& config,
                                     std::string_view known_tokenizer) {
  const std::string where = "weights version " + std::to_string(snapshot.version);
  language::ModelImage model = language::read_model_image(snapshot.image, where,
                                                            known_tokenizer);
  if (model.config.vocabulary != config.vocabulary) {
    throw Error({.where = where,
                 .what = "the model has another vocabulary than the run",
                 .expected = std::to_string(config.vocabulary) + " tokens",
                 .got = std::to_string(model.config.vocabulary)});
  }
  if (model.config.context < config.max_tokens()) {
    throw Error({.where = where,
                 .what = "the run's longest text does not fit the model",
                 .expected = "max_prompt_tokens + max_new_tokens of at most the model's context, " +
                             std::to_string(model.config.context),
                 .got = std::to_string(config.max_prompt_tokens) + " + " +
                        std::to_string(config.max_new_tokens),
                 .remedy = "allow fewer prompt or new tokens"});
  }
  return model;
}

PromptEncoder::PromptEncoder(const TextRunConfig& config, const language::ModelImage& model)
    : template_(config.prompt_template),
      tokenizer_(text::Tokenizer::from_json(model.tokenizer_json, "the run's tokenizer")) {
  if (!config.chat) return;
  if (model.chat_template.empty()) {
    throw Error({.where = "text run",
                 .what = "the model has no chat template",
                 .expected = "chat_template.jinja or tokenizer_config.json beside the model",
                 .remedy = "train without chat, with a prompt template"});
  }
  chat_.emplace(model.chat_template, "the run's chat template");
  chat_options_.bos_token = model.bos_token;
  chat_options_.eos_token = model.eos_token;
}

// A chat template writes the special tokens itself.
std::vector<language::TokenId> PromptEncoder::encode(const std::string& prompt) const {
  const std::string text = filled(template_, prompt);
  if (!chat_) return tokenizer_.encode(text, true);
  return tokenizer_.encode(chat_->render({{"user", text}}, chat_options_), false);
}

}  // namespace rl::rollout
