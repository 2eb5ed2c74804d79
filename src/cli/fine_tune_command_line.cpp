#include "rl/cli/fine_tune_command_line.h"

#include "rl/cli/algorithm_choice.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

constexpr const char* kSftIntroduction =
    "corral train --algo sft: fine-tunes a language model on examples and leaves everything about\n"
    "the run, and the tuned model, in a folder.\n"
    "\n"
    "Usage: corral train --algo sft --model DIR --data FILE.jsonl [--NAME VALUE]...\n"
    "\n"
    "Tune a chat model by low-rank adapters, with a tenth of the data set aside to measure with:\n"
    "  corral train --algo sft --model models/SmolLM2-135M-Instruct --data chats.jsonl \\\n"
    "               --validation-split 0.1 --lora-rank 16 --learning-rate 2e-4 --out runs/chat\n"
    "\n"
    "Teach a model made from nothing to add, and take the run up again after Ctrl-C:\n"
    "  corral make-data --task addition --out data/addition.jsonl \\\n"
    "                   --held-out data/addition-held-out.jsonl\n"
    "  corral train --config configs/sft-addition.ini --out runs/addition\n"
    "  corral train --resume --out runs/addition\n";

constexpr const char* kRewardModelIntroduction =
    "corral train --algo rm: trains a reward model on pairs of completions of which one is\n"
    "preferred, and leaves it in a folder that transformers loads for sequence classification.\n"
    "\n"
    "Usage: corral train --algo rm --model DIR --data PAIRS.jsonl [--NAME VALUE]...\n"
    "\n"
    "Train one, and let it judge what a policy writes:\n"
    "  corral train --algo rm --model models/chat --data pairs.jsonl --validation-split 0.1 \\\n"
    "               --center-rewards 0.01 --out runs/rm\n"
    "  corral train --algo grpo --model models/chat --data prompts.jsonl \\\n"
    "               --rewards reward-model:1:runs/rm/model --out runs/grpo\n";

constexpr const char* kDpoIntroduction =
    "corral train --algo dpo: tunes a language model on pairs of completions of which one is\n"
    "preferred, without a reward model. The model it starts from is the reference.\n"
    "\n"
    "Usage: corral train --algo dpo --model DIR --data PAIRS.jsonl [--NAME VALUE]...\n"
    "\n"
    "  corral train --algo dpo --model models/chat --data pairs.jsonl --validation-split 0.1 \\\n"
    "               --learning-rate 5e-6 --out runs/dpo\n";

const char* introduction_of(const std::string& algorithm) {
  if (algorithm == "rm") return kRewardModelIntroduction;
  return algorithm == "dpo" ? kDpoIntroduction : kSftIntroduction;
}

// Whoever calls for another algorithm's options is told so when they are checked.
FineTuneOptions defaults_for(const std::vector<std::string>& words) {
  const std::string algorithm = chosen_algorithm(words);
  return fine_tune_defaults(is_language_algorithm(algorithm) ? algorithm : "sft");
}

}  // namespace

FineTuneOptions parse_fine_tune_command_line(const std::vector<std::string>& words) {
  const auto itself = [](const FineTuneOptions& o) -> const FineTuneOptions& { return o; };
  const FineTuneOptions options =
      parse_layered(words, defaults_for(words), fine_tune_option_table, itself,
                    [](FineTuneOptions&) {})
          .options;
  validate(options);
  return options;
}

std::string fine_tune_config_text(const FineTuneOptions& options) {
  return run_config_text(options, fine_tune_option_table);
}

std::string fine_tune_help(const std::string& algorithm, std::size_t width) {
  return run_help(introduction_of(algorithm), fine_tune_defaults(algorithm),
                  fine_tune_option_table, width);
}

}  // namespace rl::cli
