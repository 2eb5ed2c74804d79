#include "rl/cli/sft_command_line.h"

#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/ini.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

struct Request {
  SftOptions options{};
  std::string config{};
};

OptionTable request_table(Request& request) {
  OptionTable table = sft_option_table(request.options);
  table.group("Configuration");
  table.add({"config", &request.config, "FILE", {},
             "read options from an INI file; the command line wins", {}, false});
  return table;
}

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
  Request typed;
  OptionTable typed_table = request_table(typed);
  const std::vector<Assignment> assignments =
      parse_command_line(typed_table, words, 0).assignments;
  typed_table.set_all(assignments);

  Request request;
  OptionTable table = request_table(request);
  set_layers(table, {.resume = typed.options.resume, .out = typed.options.out,
                     .config = typed.config});
  table.set_all(assignments);
  validate(request.options);
  return request.options;
}

std::string sft_config_text(const SftOptions& options) {
  SftOptions copy = options;
  return "# The resolved options of a run. Run it again: corral train --config FILE --out DIR\n" +
         to_ini(sft_option_table(copy));
}

std::string sft_help(std::size_t width) {
  Request request;
  return std::string(kIntroduction) + "\n" + option_help(request_table(request), width) +
         "\nNumbers may be written 100000, 100_000 or 1e5. A flag may be followed by true or "
         "false.\n"
         "Exit status: 0 the run ended by itself, 3 it was stopped and can be resumed, 1 it "
         "failed,\n"
         "2 an option was wrong, 130 or 143 it was stopped at once.\n";
}

}  // namespace rl::cli
