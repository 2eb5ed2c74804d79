#include "rl/cli/sft_command_line.h"

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

SftOptions parse_sft_command_line(const std::vector<std::string>& words) {
  const auto itself = [](const SftOptions& options) -> const SftOptions& { return options; };
  const SftOptions options =
      parse_layered(words, SftOptions{}, sft_option_table, itself, [](SftOptions&) {}).options;
  validate(options);
  return options;
}

std::string sft_config_text(const SftOptions& options) {
  return run_config_text(options, sft_option_table);
}

std::string sft_help(std::size_t width) {
  return run_help(kIntroduction, SftOptions{}, sft_option_table, width);
}

}  // namespace rl::cli
