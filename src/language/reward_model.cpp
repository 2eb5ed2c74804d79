#include "rl/language/reward_model.h"

#include "rl/core/error.h"
#include "rl/formats/digest_list.h"
#include "rl/language/model_files.h"
#include "rl/language/thread_team.h"
#include "rl/language/transformer.h"
#include "src/language/text_cache.h"

namespace rl::language {
namespace {

using text::TokenId;

ModelFolder load_scored(const std::filesystem::path& folder) {
  ModelFolder model = load_model(folder);
  if (!model.config.scalar_head) {
    throw Error({.where = folder.string(), .what = "it is not a reward model",
                 .expected = "one with score.weight, as LlamaForSequenceClassification",
                 .got = "a language model",
                 .remedy = "train one: corral train --algo rm"});
  }
  if (model.tokenizer_json.empty()) {
    throw Error({.where = folder.string(), .what = "the reward model has no tokenizer",
                 .expected = "tokenizer.json beside config.json",
                 .remedy = "copy the one that it was trained with"});
  }
  return model;
}

std::string digest_of(const ModelFolder& model) {
  DigestList digests;
  const std::string config = model_config_json(model.config, DType::f32);
  digests.add(std::as_bytes(std::span(config)));
  digests.add(std::as_bytes(std::span(model.tokenizer_json)));
  for (const TensorView& tensor : model.weights.tensors()) digests.add(tensor.data);
  return digests.to_hex();
}

}  // namespace

struct RewardModel::Implementation {
  Implementation(const std::filesystem::path& path, std::size_t threads)
      : folder(path.string()),
        model(load_scored(path)),
        tokenizer(text::Tokenizer::from_json(model.tokenizer_json, folder + "/tokenizer.json")),
        digest(digest_of(model)),
        team(threads),
        transformer(model.config, model.weights.as(DType::f32), model.config.context, Ops(team)) {}

  void check(std::span<const TokenId> tokens) const {
    if (tokens.empty() || tokens.size() > model.config.context) {
      throw Error({.where = folder, .what = "the reward model cannot read a text of this length",
                   .expected = "1 to " + std::to_string(model.config.context) + " tokens",
                   .got = std::to_string(tokens.size())});
    }
    for (const TokenId id : tokens) {
      if (id >= 0 && static_cast<std::size_t>(id) < model.config.vocabulary) continue;
      throw Error({.where = folder, .what = "the reward model does not know a token",
                   .expected = "ids below " + std::to_string(model.config.vocabulary),
                   .got = std::to_string(id)});
    }
  }

  std::string folder;
  ModelFolder model;
  text::Tokenizer tokenizer;
  std::string digest;
  ThreadTeam team;
  Transformer transformer;
};

RewardModel::RewardModel(const std::filesystem::path& folder, std::size_t threads)
    : implementation_(std::make_unique<Implementation>(folder, threads)) {}

RewardModel::~RewardModel() = default;

float RewardModel::score(std::span<const TokenId> tokens) {
  Implementation& self = *implementation_;
  self.check(tokens);
  const TextCache cache(self.model.config, tokens.size());
  const TokenSpan span{.tokens = tokens, .first_position = 0, .cache = cache.view()};
  const std::size_t last = tokens.size() - 1;
  float reward = 0.0F;
  self.transformer.forward({&span, 1}, tokens.size(), {&last, 1}, &reward);
  return reward;
}

const std::string& RewardModel::digest() const { return implementation_->digest; }
std::size_t RewardModel::context() const { return implementation_->model.config.context; }

void RewardModel::require_tokenizer(const text::Tokenizer& policy) const {
  implementation_->tokenizer.require_same_tokens(policy, implementation_->folder);
}

}  // namespace rl::language
