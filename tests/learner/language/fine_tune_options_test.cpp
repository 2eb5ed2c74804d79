#include "rl/learner/fine_tune_options.h"

#include <functional>

#include "rl/core/error.h"
#include <doctest/doctest.h>

namespace rl {
namespace {

FineTuneOptions usable() {
  FineTuneOptions options;
  options.model = "model";
  options.data = "data.jsonl";
  return options;
}

std::string refusal(const std::function<void(FineTuneOptions&)>& change) {
  FineTuneOptions options = usable();
  change(options);
  try {
    validate(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_SUITE("fine-tuning options") {
  TEST_CASE("a model and data are all that must be given") { CHECK_NOTHROW(validate(usable())); }

  TEST_CASE("what makes no sense is refused by the name of its option") {
    const std::vector<std::pair<std::string, std::function<void(FineTuneOptions&)>>> wrong{
        {"--model", [](auto& o) { o.model = ""; }},
        {"--data", [](auto& o) { o.data = ""; }},
        {"--out", [](auto& o) { o.out = ""; }},
        {"--algo", [](auto& o) { o.algorithm = "ppo"; }},
        {"--device", [](auto& o) { o.device = "gpu"; }},
        {"--loss-on", [](auto& o) { o.loss_on = "prompt"; }},
        {"--too-long", [](auto& o) { o.too_long = "cut"; }},
        {"--validation-split", [](auto& o) { o.validation_split = 1.0; }},
        {"--validation-split", [](auto& o) { o.validation = "v"; o.validation_split = 0.1; }},
        {"--evaluate-exact", [](auto& o) { o.evaluate_exact = 1; }},
        {"--epochs", [](auto& o) { o.epochs = 0; }},
        {"--batch-tokens", [](auto& o) { o.batch_tokens = 0; }},
        {"--learning-rate", [](auto& o) { o.learning_rate = 0.0; }},
        {"--schedule", [](auto& o) { o.schedule = "linear"; }},
        {"--weight-decay", [](auto& o) { o.weight_decay = -1.0; }},
        {"--beta2", [](auto& o) { o.beta2 = 1.0; }},
        {"--max-gradient-norm", [](auto& o) { o.max_gradient_norm = -1.0; }},
        {"--lora-targets", [](auto& o) { o.lora_rank = 4; o.lora_targets.clear(); }},
        {"--bf16", [](auto& o) { o.bf16 = true; }},
        {"--save-dtype", [](auto& o) { o.save_dtype = "int8"; }},
        {"--max-new-tokens", [](auto& o) { o.max_new_tokens = 0; }},
        {"--checkpoint-every", [](auto& o) { o.checkpoint_every = -1.0; }},
        {"--keep-checkpoints", [](auto& o) { o.keep_checkpoints = 0; }}};
    for (const auto& [option, change] : wrong) {
      const std::string message = refusal(change);
      CHECK_MESSAGE(message.find(option + " is not usable") != std::string::npos, message);
    }
  }

  TEST_CASE("pairs have defaults and limits of their own") {
    for (const char* algorithm : {"rm", "dpo"}) {
      CAPTURE(algorithm);
      const auto refusal_of = [&](const std::function<void(FineTuneOptions&)>& change) {
        return refusal([&](FineTuneOptions& o) {
          o = fine_tune_defaults(algorithm);
          o.model = "model";
          o.data = "pairs.jsonl";
          change(o);
        });
      };
      CHECK(refusal_of([](auto&) {}) == "accepted");
      const std::vector<std::pair<std::string, std::function<void(FineTuneOptions&)>>> wrong{
          {"--too-long", [](auto& o) { o.too_long = "truncate"; }},
          {"--evaluate-exact", [](auto& o) { o.validation = "v"; o.evaluate_exact = 3; }},
          {"--center-rewards", [](auto& o) { o.center_rewards = -0.1; }},
          {"--beta", [](auto& o) { o.beta = 0.0; }},
          {"--dpo-loss", [](auto& o) { o.dpo_loss = "hinge"; }},
          {"--label-smoothing", [](auto& o) { o.label_smoothing = 0.5; }},
          {"--label-smoothing", [](auto& o) { o.dpo_loss = "ipo"; o.label_smoothing = 0.1; }}};
      for (const auto& [option, change] : wrong) {
        const std::string message = refusal_of(change);
        CHECK_MESSAGE(message.find(option + " is not usable") != std::string::npos, message);
      }
    }
    CHECK_THROWS_AS(fine_tune_defaults("ppo"), Error);
  }
}

}  // namespace rl
