#include "rl/learner/sft_options.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "rl/core/error.h"

namespace rl {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = "sft options",
               .what = option + " is not usable",
               .expected = expected,
               .got = got,
               .remedy = "see `corral train --algo sft --help`"});
}

void require_one_of(const std::string& option, const std::string& value,
                    std::initializer_list<std::string_view> allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  std::string names;
  for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + std::string(name);
  refuse(option, names, "'" + value + "'");
}

void require_text(const std::string& option, const std::string& value, const std::string& what) {
  if (value.empty()) refuse(option, what, "''");
}

void require_within(const std::string& option, double value, double low, double high,
                    const std::string& expected) {
  if (value >= low && value <= high) return;
  refuse(option, expected, std::to_string(value));
}

void require_at_least_one(const std::string& option, std::uint64_t value) {
  if (value == 0) refuse(option, "1 or more", "0");
}

void check_data(const SftOptions& options) {
  require_text("--data", options.data, "a file of JSON lines (corral make-data makes one)");
  require_one_of("--loss-on", options.loss_on, {"completion", "all"});
  require_one_of("--too-long", options.too_long, {"truncate", "skip", "error"});
  require_within("--validation-split", options.validation_split, 0.0, 0.9, "0 to 0.9");
  if (!options.validation.empty() && options.validation_split > 0.0) {
    refuse("--validation-split", "not beside --validation",
           std::to_string(options.validation_split));
  }
  const bool held_out = !options.validation.empty() || options.validation_split > 0.0;
  if (options.evaluate_exact > 0 && !held_out) {
    refuse("--evaluate-exact", "held-out prompts: --validation FILE or --validation-split X",
           std::to_string(options.evaluate_exact));
  }
}

void check_optimisation(const SftOptions& options) {
  constexpr double kLargest = 1e300;
  require_at_least_one("--epochs", options.epochs);
  require_at_least_one("--batch-tokens", options.batch_tokens);
  require_one_of("--schedule", options.schedule, {"cosine", "constant"});
  require_within("--learning-rate", options.learning_rate, 1e-300, kLargest, "more than 0");
  require_within("--adam-epsilon", options.adam_epsilon, 1e-300, kLargest, "more than 0");
  require_within("--weight-decay", options.weight_decay, 0.0, kLargest, "0 or more");
  require_within("--max-gradient-norm", options.max_gradient_norm, 0.0, kLargest, "0 or more");
  require_within("--beta1", options.beta1, 0.0, 0.999999, "from 0 to below 1");
  require_within("--beta2", options.beta2, 0.0, 0.999999, "from 0 to below 1");
  if (options.lora_rank > 0 && options.lora_targets.empty()) {
    refuse("--lora-targets", "names of modules, such as q_proj,v_proj", "none");
  }
  require_within("--lora-alpha", options.lora_alpha, 1e-300, kLargest, "more than 0");
}

}  // namespace

void validate(const SftOptions& options) {
  require_one_of("--algo", options.algorithm, {"sft"});
  require_text("--model", options.model, "the folder of a model");
  require_text("--out", options.out, "a folder");
  require_one_of("--device", options.device, {"cpu", "cuda"});
  require_one_of("--save-dtype", options.save_dtype, {"f32", "bf16", "f16"});
  if (options.bf16 && options.device != "cuda") refuse("--bf16", "--device cuda", options.device);
  check_data(options);
  check_optimisation(options);
  require_at_least_one("--max-new-tokens", options.max_new_tokens);
  require_at_least_one("--keep-checkpoints", options.keep_checkpoints);
  require_within("--checkpoint-every", options.checkpoint_every, 0.0, 86400.0, "0 to 86400 seconds");
}

}  // namespace rl
