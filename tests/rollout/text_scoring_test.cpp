#include "rollout/text_scoring.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/reward_model.h"
#include "rollout/text_run.h"
#include "support/temporary_folder.h"

namespace rl::rollout {
namespace {

using language::VerifierRegistry;

// A folder with a reward model of random weights for the texts of tests::text_run().
struct Judge : tests::TemporaryFolder {
  Judge() {
    const language::ModelConfig config = language::with_scalar_head(tests::tiny_model());
    language::save_model(path() / "rm", {.config = config,
                                         .weights = language::random_weights(config, 3),
                                         .tokenizer_json = text::byte_tokenizer_json()});
  }
  std::string folder() const { return (path() / "rm").string(); }
  TextRunConfig run(const std::string& digest = "") const {
    TextRunConfig text = *tests::text_run().text;
    text.rewards = {{.verifier = kRewardModelName, .weight = 2.0, .argument = folder(),
                     .digest = digest}};
    return text;
  }
};

const std::vector<text::TokenId> kText{49, 43, 49, 61, 50, tests::kByteEnd};

TEST_SUITE("scores of texts") {
  TEST_CASE("a reward model judges the tokens that were sampled, times its weight") {
    const Judge judge;
    language::RewardModel model(judge.folder());
    language::Scorer scorer =
        make_scorer(judge.run(model.digest()), language::builtin_verifiers());
    const language::Verdict verdict = scorer.score({"1+1=", "2"}, {"2", kText});
    CHECK(verdict.scored);
    CHECK(verdict.score == 2.0 * double{model.score(kText)});
    CHECK(verdict.score != 0.0);
  }

  TEST_CASE("a text that a reward model cannot read is not scored, and counted") {
    const Judge judge;
    language::Scorer scorer = make_scorer(judge.run(), language::builtin_verifiers());
    CHECK_FALSE(scorer.score({}, "no tokens").scored);
    CHECK_FALSE(scorer.score({}, {"x", std::vector<text::TokenId>{5000}}).scored);
    CHECK(scorer.counts().failed == 2);
    CHECK(scorer.last_trouble().find("5000") != std::string::npos);
  }

  TEST_CASE("a worker that finds another reward model than the learner's stops with both digests") {
    const Judge judge;
    const std::string learners(64, 'c');
    CHECK_THROWS_WITH_AS(make_scorer(judge.run(learners), language::builtin_verifiers()),
                         doctest::Contains(learners.c_str()), Error);
    const std::string own = language::RewardModel(judge.folder()).digest();
    CHECK_THROWS_WITH_AS(make_scorer(judge.run(learners), language::builtin_verifiers()),
                         doctest::Contains(own.c_str()), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
