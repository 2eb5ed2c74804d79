#include "rl/learner/fine_tune_options.h"

#include "learner/option_checks.h"

namespace rl {
namespace {

constexpr OptionChecks kChecks("fine-tuning options", "corral train --algo sft|rm|dpo --help");

void check_data(const FineTuneOptions& options) {
  kChecks.text("--data", options.data, "a file of JSON lines (corral make-data makes one)");
  kChecks.one_of("--loss-on", options.loss_on, {"completion", "all"});
  if (options.algorithm == "sft") {
    kChecks.one_of("--too-long", options.too_long, {"truncate", "skip", "error"});
  } else {
    kChecks.one_of("--too-long", options.too_long, {"skip", "error"});
  }
  kChecks.within("--validation-split", options.validation_split, 0.0, 0.9, "0 to 0.9");
  if (!options.validation.empty() && options.validation_split > 0.0) {
    kChecks.refuse("--validation-split", "not beside --validation",
                   std::to_string(options.validation_split));
  }
  const bool held_out = !options.validation.empty() || options.validation_split > 0.0;
  if (options.evaluate_exact > 0 && options.algorithm != "sft") {
    kChecks.refuse("--evaluate-exact", "0: pairs have no exact answer",
                   std::to_string(options.evaluate_exact));
  }
  if (options.evaluate_exact > 0 && !held_out) {
    kChecks.refuse("--evaluate-exact",
                   "held-out prompts: --validation FILE or --validation-split X",
                   std::to_string(options.evaluate_exact));
  }
}

void check_optimisation(const FineTuneOptions& options) {
  kChecks.at_least_one("--epochs", options.epochs);
  kChecks.at_least_one("--batch-tokens", options.batch_tokens);
  kChecks.one_of("--schedule", options.schedule, {"cosine", "constant"});
  kChecks.within("--learning-rate", options.learning_rate, OptionChecks::kTiny,
                 OptionChecks::kLargest, "more than 0");
  kChecks.optimiser(options);
}

void check_preferences(const FineTuneOptions& options) {
  kChecks.within("--center-rewards", options.center_rewards, 0.0, OptionChecks::kLargest,
                 "0 or more");
  kChecks.within("--beta", options.beta, OptionChecks::kTiny, OptionChecks::kLargest,
                 "more than 0");
  kChecks.one_of("--dpo-loss", options.dpo_loss, {"sigmoid", "ipo"});
  kChecks.within("--label-smoothing", options.label_smoothing, 0.0, 0.499999,
                 "from 0 to below 0.5");
  if (options.label_smoothing > 0.0 && options.dpo_loss == "ipo") {
    kChecks.refuse("--label-smoothing", "0 beside --dpo-loss ipo",
                   std::to_string(options.label_smoothing));
  }
}

}  // namespace

FineTuneOptions fine_tune_defaults(const std::string& algorithm) {
  kChecks.one_of("--algo", algorithm, {"sft", "rm", "dpo"});
  FineTuneOptions options;
  options.algorithm = algorithm;
  options.out = "runs/" + algorithm;
  if (algorithm == "sft") return options;
  options.too_long = "skip";
  options.learning_rate = algorithm == "dpo" ? 1e-6 : 1e-5;
  return options;
}

void validate(const FineTuneOptions& options) {
  kChecks.one_of("--algo", options.algorithm, {"sft", "rm", "dpo"});
  kChecks.text("--model", options.model, "the folder of a model");
  kChecks.text("--out", options.out, "a folder");
  kChecks.one_of("--device", options.device, {"cpu", "cuda"});
  kChecks.one_of("--save-dtype", options.save_dtype, {"f32", "bf16", "f16"});
  if (options.bf16 && options.device != "cuda") {
    kChecks.refuse("--bf16", "--device cuda", options.device);
  }
  check_data(options);
  check_preferences(options);
  check_optimisation(options);
  kChecks.at_least_one("--max-new-tokens", options.max_new_tokens);
  kChecks.at_least_one("--keep-checkpoints", options.keep_checkpoints);
  kChecks.within("--checkpoint-every", options.checkpoint_every, 0.0, 86400.0,
                 "0 to 86400 seconds");
}

}  // namespace rl
