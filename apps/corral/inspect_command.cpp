#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/inspection.h"
#include "rl/cli/command_line.h"

namespace rl::app {
namespace {

std::filesystem::path parse(const std::vector<std::string>& words) {
  const cli::CommandLine line = cli::parse_command_line(cli::OptionTable(), words, 1);
  if (!line.arguments.empty()) return line.arguments[0];
  throw Error({.where = cli::kCommandLine,
               .what = "nothing to look at is named",
               .expected = "the folder of a run or of a checkpoint, or a .safetensors file",
               .remedy = "e.g. corral inspect runs/latest"});
}

}  // namespace

int run_inspect(const std::vector<std::string>& words) {
  const std::filesystem::path path = understand([&] { return parse(words); });
  std::fputs(inspect(path).c_str(), stdout);
  return kDone;
}

std::string inspect_help(std::size_t) {
  return "corral inspect: what is in a run, a checkpoint, a language model or a weights file, and "
         "whether it is whole.\n"
         "\n"
         "Usage: corral inspect PATH\n"
         "\n"
         "A run: its configuration, progress, checkpoints and latest metrics:\n"
         "  corral inspect runs/cartpole\n"
         "\n"
         "A checkpoint, or the file of weights in it: every tensor with shape and values:\n"
         "  corral inspect runs/cartpole/checkpoints/81920\n"
         "  corral inspect runs/cartpole/best/81920/weights.safetensors\n"
         "\n"
         "A language model: its family, sizes, files, and how many weights are not finite:\n"
         "  corral inspect models/tiny\n";
}

}  // namespace rl::app
