#include <atomic>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "learner/language/dpo_objective.h"
#include "learner/language/reward_objective.h"
#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/reward_model.h"
#include "rl/learner/fine_tune.h"
#include "tests/learner/language/fine_tuning.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using tests::contains;
using tests::message_of;
using tests::run_until;

// Of two runs of letters the one with more a is preferred.
std::string pair_line(unsigned number) {
  const auto letters = [&](unsigned salt, unsigned most) {
    std::string text;
    for (unsigned i = 0; i < 5; ++i) text += (number * 7 + salt + i * 3) % 5 < most ? 'a' : 'b';
    return text;
  };
  const nlohmann::json line = {{"prompt", std::to_string(number % 10) + "="},
                               {"chosen", letters(1, 4)},
                               {"rejected", letters(2, 1)}};
  return line.dump() + "\n";
}

struct Workshop : tests::FineTuneFolder {
  Workshop() {
    std::ofstream training(path() / "pairs.jsonl");
    for (unsigned i = 0; i < 40; ++i) training << pair_line(i);
    std::ofstream held_out(path() / "held-out.jsonl");
    for (unsigned i = 40; i < 52; ++i) held_out << pair_line(i);
  }

  FineTuneOptions options(const std::string& algorithm, const std::string& out) const {
    FineTuneOptions options =
        FineTuneFolder::options(fine_tune_defaults(algorithm), "pairs.jsonl", out);
    options.batch_tokens = 120;
    options.micro_batch_tokens = 50;
    options.epochs = 3;
    options.learning_rate = 3e-3;
    return options;
  }
};

// An objective on the workshop's data, with what it refers to.
template <class Kind>
struct Bench {
  Bench(const Workshop& shop, const std::string& algorithm)
      : options(shop.options(algorithm, "run")), objective({options, model, text}, at::kCPU) {}

  FineTuneOptions options;
  language::ModelFolder model = language::load_model(options.model);
  ModelText text = read_model_text(model, "tiny");
  Kind objective;
};

const language::ExampleBatch kBatch{0, 1, 2, 3, 4, 5, 6};

template <class Kind>
void check_split_invariance(const std::string& algorithm) {
  const Workshop shop;
  Bench<Kind> bench(shop, algorithm);
  // Away from the start, where a reward model says 0 and DPO's log-ratios are 0.
  bench.objective.compute_gradients(kBatch, 1000);
  const at::Tensor values = bench.objective.parameters().values();
  values.sub_(bench.objective.parameters().gradients(), 0.5);
  const StepLoss whole = bench.objective.compute_gradients(kBatch, 1000);
  const at::Tensor gradients = bench.objective.parameters().gradients().clone();
  CHECK(gradients.abs().max().template item<float>() > 0.0F);
  for (const std::size_t budget : {1, 20, 45}) {
    CAPTURE(budget);
    const StepLoss split = bench.objective.compute_gradients(kBatch, budget);
    CHECK(split.value.template item<double>() ==
          doctest::Approx(whole.value.template item<double>()).epsilon(1e-6));
    CHECK(split.metrics.at("preference/margin") ==
          doctest::Approx(whole.metrics.at("preference/margin")).epsilon(1e-5));
    const at::Tensor difference = bench.objective.parameters().gradients() - gradients;
    CHECK(difference.norm().template item<float>() <
          1e-5F * gradients.norm().template item<float>());
  }
}

}  // namespace

TEST_SUITE("learning from pairs") {
  TEST_CASE("loss and gradients do not depend on how the batch is split, but for rounding") {
    SUBCASE("reward model") { check_split_invariance<RewardObjective>("rm"); }
    SUBCASE("dpo") { check_split_invariance<DpoObjective>("dpo"); }
  }

  TEST_CASE("before the first step DPO's loss is log 2 to the bit of its log-probs: margin 0") {
    const Workshop shop;
    Bench<DpoObjective> bench(shop, "dpo");
    const StepLoss loss = bench.objective.compute_gradients(kBatch, 45);
    CHECK(loss.value.item<float>() == doctest::Approx(std::log(2.0)));
    CHECK(loss.metrics.at("preference/margin") == 0.0);
    CHECK(loss.metrics.at("preference/accuracy") == 0.0);
    CHECK(bench.objective.parameters().gradients().norm().item<float>() > 0.0F);
  }

  TEST_CASE("a reward model learns to rank held-out pairs, and its folder is a reward model") {
    const Workshop shop;
    FineTuneOptions options = shop.options("rm", "rm");
    options.epochs = 12;
    options.center_rewards = 0.01;
    const FineTuneSummary summary = fine_tune(options, {});
    CHECK(summary.held_out.pair_accuracy == 1.0);
    CHECK(summary.held_out.reward_margin > 1.0);
    CHECK(summary.held_out.loss < 0.3);
    language::RewardModel model(summary.model);
    CHECK(model.score(tests::example("4=", "aaaaa").tokens) >
          model.score(tests::example("4=", "bbbbb").tokens));
    CHECK(contains(shop.text("rm/samples.jsonl"), "\"rejected_reward\""));
    CHECK(contains(shop.text("rm/metrics.jsonl"), "evaluation/pair_accuracy"));
    CHECK(contains(shop.text("rm/model/config.json"), "ForSequenceClassification"));
  }

  TEST_CASE("DPO moves a model towards what was chosen") {
    const Workshop shop;
    FineTuneOptions options = shop.options("dpo", "dpo");
    options.epochs = 8;
    for (const char* form : {"sigmoid", "ipo"}) {
      CAPTURE(form);
      options.dpo_loss = form;
      options.out = (shop.path() / form).string();
      const FineTuneSummary summary = fine_tune(options, {});
      CHECK(summary.held_out.pair_accuracy == 1.0);
      CHECK(summary.held_out.reward_margin > 0.0);
      CHECK(contains(shop.text(std::string(form) + "/samples.jsonl"), "\"completion\""));
      CHECK_NOTHROW(language::load_model(summary.model));
    }
  }

  TEST_CASE("stopped after any step and resumed, the weights have the same bytes") {
    for (const char* algorithm : {"rm", "dpo"}) {
      CAPTURE(algorithm);
      const Workshop shop;
      const FineTuneSummary whole = fine_tune(shop.options(algorithm, "whole"), {});
      REQUIRE(whole.total_steps > 8);
      for (const std::uint64_t step : {1, 5, 8}) {
        CAPTURE(step);
        FineTuneOptions options = shop.options(algorithm, "stopped-" + std::to_string(step));
        CHECK(run_until(options, step).interrupted);
        options.resume = true;
        const FineTuneSummary resumed = fine_tune(options, {});
        CHECK(resumed.weights_digest == whole.weights_digest);
        CHECK(resumed.held_out.loss == whole.held_out.loss);
        CHECK(resumed.held_out.reward_margin == whole.held_out.reward_margin);
      }
      CHECK(shop.text("stopped-5/samples.jsonl") == shop.text("whole/samples.jsonl"));
    }
  }

  TEST_CASE("another seed orders the pairs in another way") {
    const Workshop shop;
    FineTuneOptions other = shop.options("dpo", "other");
    other.seed = 2;
    CHECK(fine_tune(shop.options("dpo", "one"), {}).weights_digest !=
          fine_tune(other, {}).weights_digest);
  }

  TEST_CASE("low-rank adapters learn from pairs too") {
    const Workshop shop;
    for (const char* algorithm : {"rm", "dpo"}) {
      CAPTURE(algorithm);
      FineTuneOptions options = shop.options(algorithm, algorithm);
      options.lora_rank = 2;
      options.epochs = 8;
      options.learning_rate = 1e-2;
      const FineTuneSummary summary = fine_tune(options, {});
      CHECK(summary.held_out.reward_margin > 0.0);
      CHECK_NOTHROW(language::load_model(summary.model));
    }
  }

  TEST_CASE("a run is not resumed from another first model") {
    const Workshop shop;
    FineTuneOptions options = shop.options("dpo", "run");
    run_until(options, 2);
    options.resume = true;
    language::ModelFolder other = tests::tiny_model();
    other.weights = language::random_weights(other.config, 99);
    language::save_model(shop.path() / "other", other);
    options.model = (shop.path() / "other").string();
    CHECK(contains(message_of(options), "another base_digest"));
  }

  TEST_CASE("wrong pairs are told by their line before anything is written") {
    const Workshop shop;
    FineTuneOptions options = shop.options("rm", "run");
    std::ofstream(shop.path() / "broken.jsonl") << pair_line(1) << "{\"prompt\": \"a\"}\n";
    options.data = (shop.path() / "broken.jsonl").string();
    CHECK(contains(message_of(options), "broken.jsonl:2"));
    CHECK_FALSE(std::filesystem::exists(shop.path() / "run" / "config.ini"));
  }
}

}  // namespace rl
