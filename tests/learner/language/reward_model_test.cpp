#include "rl/language/reward_model.h"

#include <ATen/ops/tensor.h>

#include <cstring>
#include <fstream>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/text_scorer.h"
#include "rl/learner/train_language.h"
#include "rl/models/language_model.h"
#include "rl/models/scalar_model.h"
#include "tests/learner/language/examples.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/torch_doctest.h"
#include "tests/support/errors.h"

namespace rl {
namespace {

using tests::contains;
using tests::message_of;

using text::TokenId;

// The tiny model with a scalar head of random weights.
language::ModelFolder tiny_reward_model(std::uint64_t seed = 5) {
  language::ModelFolder folder = tests::tiny_model();
  folder.config = language::with_scalar_head(folder.config);
  folder.weights = language::random_weights(folder.config, seed);
  return folder;
}

const std::vector<std::vector<TokenId>>& texts() {
  static const std::vector<std::vector<TokenId>> kTexts{
      tests::example("12+34=", "46").tokens, {65},
      tests::example("reverse(abcdefgh)=", "hgf").tokens, tests::example("", "x").tokens};
  return kTexts;
}

PackedTokens packed(const std::vector<std::vector<TokenId>>& sequences) {
  PackedTokens result;
  std::vector<std::int64_t> all;
  for (const auto& tokens : sequences) {
    all.insert(all.end(), tokens.begin(), tokens.end());
    result.lengths.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  result.tokens = at::tensor(all);
  return result;
}

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

}  // namespace

TEST_SUITE("reward models") {
  TEST_CASE("a reward has the bits of the learner's forward pass, whatever it is packed with") {
    const tests::TemporaryFolder folder;
    const language::ModelFolder files = tiny_reward_model();
    language::save_model(folder.path() / "rm", files);
    const ScalarModel learner(files.config, files.weights, at::kCPU, {.threads = 1});
    const at::Tensor values = learner.values(packed(texts()));
    for (const std::size_t threads : {1, 2}) {
      language::RewardModel model(folder.path() / "rm", threads);
      std::int64_t end = 0;
      for (const auto& tokens : texts()) {
        end += static_cast<std::int64_t>(tokens.size());
        CHECK(same_bits(model.score(tokens), values[end - 1].item<float>()));
      }
    }
  }

  TEST_CASE("log-probs of a text that is only read have the learner's bits too") {
    const language::ModelFolder files = tests::tiny_model();
    LanguageModel learner(files.config, files.weights, at::kCPU, {.threads = 1});
    language::TextScorer scorer(files.config, files.weights, 1);
    const std::vector<TokenId>& tokens = texts()[2];
    std::vector<std::int64_t> next(tokens.begin() + 1, tokens.end());
    next.push_back(-1);
    const at::Tensor expected =
        learner.token_log_probs(learner.hidden(packed({tokens})), at::tensor(next)).log_probs;
    const std::size_t first = 4;
    const std::vector<float> scores = scorer.log_probs(tokens, first);
    REQUIRE(scores.size() == tokens.size() - first);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const auto row = static_cast<std::int64_t>(first + i - 1);
      CHECK(same_bits(scores[i], expected[row].item<float>()));
    }
    CHECK(scorer.log_probs(tokens, tokens.size()).empty());
    CHECK_THROWS_AS(scorer.log_probs(tokens, 0), Error);
    CHECK_THROWS_AS(scorer.log_probs(std::vector<TokenId>{1, 999}, 1), Error);
    CHECK(scorer.log_probs(std::vector<TokenId>(33, 1), 1).size() == 32);
    CHECK_THROWS_AS(scorer.log_probs(std::vector<TokenId>(34, 1), 1), Error);
  }

  TEST_CASE("the digest is the model's, not its files'") {
    const tests::TemporaryFolder folder;
    language::save_model(folder.path() / "rm", tiny_reward_model());
    language::save_model(folder.path() / "shards", tiny_reward_model(), {.shard_bytes = 4096});
    language::save_model(folder.path() / "other", tiny_reward_model(6));
    const auto digest = [&](const char* name) {
      return language::RewardModel(folder.path() / name).digest();
    };
    CHECK(digest("rm") == digest("shards"));
    CHECK(digest("rm") != digest("other"));
  }

  TEST_CASE("texts that it cannot read are refused") {
    const tests::TemporaryFolder folder;
    language::save_model(folder.path() / "rm", tiny_reward_model());
    language::RewardModel model(folder.path() / "rm");
    CHECK_THROWS_WITH_AS(model.score({}), doctest::Contains("1 to 32 tokens"), Error);
    CHECK_THROWS_WITH_AS(model.score(std::vector<TokenId>(33, 1)), doctest::Contains("33"), Error);
    CHECK_THROWS_WITH_AS(model.score(std::vector<TokenId>{1, -1}), doctest::Contains("-1"), Error);
  }

  TEST_CASE("a run says at its start that a reward model is missing, none, or of other tokens") {
    const tests::TemporaryFolder folder;
    language::save_model(folder.path() / "policy", tests::tiny_model());
    language::save_model(folder.path() / "rm", tiny_reward_model());
    language::ModelFolder other = tiny_reward_model();
    const std::size_t at = other.tokenizer_json.find("<|pad|>");
    REQUIRE(at != std::string::npos);
    while (other.tokenizer_json.find("<|pad|>") != std::string::npos) {
      other.tokenizer_json.replace(other.tokenizer_json.find("<|pad|>"), 7, "<|sep|>");
    }
    language::save_model(folder.path() / "other", other);
    LanguageTrainOptions options;
    options.model = (folder.path() / "policy").string();
    options.run.out = (folder.path() / "run").string();
    options.run.worker_mode = "thread";
    options.run.endpoint = "inproc";
    options.max_prompt_tokens = 16;
    options.max_new_tokens = 8;
    const auto told = [&](const std::string& name) {
      options.rewards = {"reward-model:1:" + (folder.path() / name).string()};
      return message_of([&] { train_language(options, {}); });
    };
    CHECK(contains(told("nowhere"), "nowhere"));
    CHECK(contains(told("policy"), "not a reward model"));
    CHECK(contains(told("other"), "another tokenizer"));
    CHECK(contains(told("other"), "<|sep|>"));
    options.rewards = {"reward-model"};
    CHECK(contains(message_of([&] { train_language(options, {}); }), "no folder"));
    options.max_new_tokens = 17;
    CHECK(contains(told("rm"), "at most"));
    CHECK_FALSE(std::filesystem::exists(folder.path() / "run" / "config.ini"));
  }

  TEST_CASE("a policy earns more of a reward model's reward, with the same bits for any workers") {
    const tests::TemporaryFolder folder;
    language::save_model(folder.path() / "policy", tests::tiny_model());
    language::save_model(folder.path() / "rm", tiny_reward_model());
    LanguageTrainOptions options;
    options.model = (folder.path() / "policy").string();
    options.run.worker_mode = "thread";
    options.run.endpoint = "inproc";
    options.run.total_steps = 12;
    options.threads = 1;
    options.digits = 1;
    options.length = 2;
    options.held_out = 5;
    options.prompts = 3;
    options.group = 8;
    options.max_prompt_tokens = 16;
    options.max_new_tokens = 8;
    options.learning_rate = 1e-2;
    options.score_truncated = true;
    options.rewards = {"reward-model:20:" + (folder.path() / "rm").string()};
    const auto run = [&](const std::string& out, std::size_t workers) {
      options.run.out = (folder.path() / out).string();
      options.run.num_workers = workers;
      TrainHooks hooks;
      hooks.program = RL_CORRAL_PROGRAM;
      return train_language(options, hooks);
    };
    const TrainSummary one = run("one", 1);
    const TrainSummary two = run("two", 2);
    CHECK(one.weights_digest == two.weights_digest);
    options.run.total_steps = 1;
    CHECK(one.last_evaluation > run("short", 1).last_evaluation);
  }
}

}  // namespace rl
