#include "rl/learner/sft_options.h"

#include "learner/option_checks.h"

namespace rl {
namespace {

constexpr OptionChecks kChecks("sft options", "corral train --algo sft --help");

void check_data(const SftOptions& options) {
  kChecks.text("--data", options.data, "a file of JSON lines (corral make-data makes one)");
  kChecks.one_of("--loss-on", options.loss_on, {"completion", "all"});
  kChecks.one_of("--too-long", options.too_long, {"truncate", "skip", "error"});
  kChecks.within("--validation-split", options.validation_split, 0.0, 0.9, "0 to 0.9");
  if (!options.validation.empty() && options.validation_split > 0.0) {
    kChecks.refuse("--validation-split", "not beside --validation",
                   std::to_string(options.validation_split));
  }
  const bool held_out = !options.validation.empty() || options.validation_split > 0.0;
  if (options.evaluate_exact > 0 && !held_out) {
    kChecks.refuse("--evaluate-exact",
                   "held-out prompts: --validation FILE or --validation-split X",
                   std::to_string(options.evaluate_exact));
  }
}

void check_optimisation(const SftOptions& options) {
  kChecks.at_least_one("--epochs", options.epochs);
  kChecks.at_least_one("--batch-tokens", options.batch_tokens);
  kChecks.one_of("--schedule", options.schedule, {"cosine", "constant"});
  kChecks.within("--learning-rate", options.learning_rate, OptionChecks::kTiny,
                 OptionChecks::kLargest, "more than 0");
  kChecks.optimiser(options);
}

}  // namespace

void validate(const SftOptions& options) {
  kChecks.one_of("--algo", options.algorithm, {"sft"});
  kChecks.text("--model", options.model, "the folder of a model");
  kChecks.text("--out", options.out, "a folder");
  kChecks.one_of("--device", options.device, {"cpu", "cuda"});
  kChecks.one_of("--save-dtype", options.save_dtype, {"f32", "bf16", "f16"});
  if (options.bf16 && options.device != "cuda") {
    kChecks.refuse("--bf16", "--device cuda", options.device);
  }
  check_data(options);
  check_optimisation(options);
  kChecks.at_least_one("--max-new-tokens", options.max_new_tokens);
  kChecks.at_least_one("--keep-checkpoints", options.keep_checkpoints);
  kChecks.within("--checkpoint-every", options.checkpoint_every, 0.0, 86400.0,
                 "0 to 86400 seconds");
}

}  // namespace rl
