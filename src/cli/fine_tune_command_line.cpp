#include "rl/cli/fine_tune_command_line.h"

#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

constexpr const char* kIntroduction =
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

}  // namespace

FineTuneOptions parse_fine_tune_command_line(const std::vector<std::string>& words) {
  const auto itself = [](const FineTuneOptions& options) -> const FineTuneOptions& { return options; };
  const FineTuneOptions options =
      parse_layered(words, FineTuneOptions{}, fine_tune_option_table, itself, [](FineTuneOptions&) {}).options;
  validate(options);
  return options;
}

std::string fine_tune_config_text(const FineTuneOptions& options) {
  return run_config_text(options, fine_tune_option_table);
}

std::string fine_tune_help(std::size_t width) {
  return run_help(kIntroduction, FineTuneOptions{}, fine_tune_option_table, width);
}

}  // namespace rl::cli
