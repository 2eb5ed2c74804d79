#include <cstdio>

#include "apps/corral/command.h"
#include "rl/cli/command_line.h"
#include "rl/transport/keys.h"

namespace rl::app {
namespace {

std::string parse(const std::vector<std::string>& words) {
  const cli::CommandLine line = cli::parse_command_line(cli::OptionTable(), words, 1);
  if (!line.arguments.empty()) return line.arguments[0];
  throw Error({.where = cli::kCommandLine,
               .what = "no folder for the keys is named",
               .expected = "a folder that does not exist yet",
               .remedy = "e.g. corral keygen keys"});
}

}  // namespace

std::string keygen_help(std::size_t) {
  return "corral keygen: keys for learners and workers that talk over a network.\n"
         "\n"
         "Usage: corral keygen DIR\n"
         "\n"
         "Make keys and start a learner that only workers with these keys can reach:\n"
         "  corral keygen keys\n"
         "  corral learner --bind tcp://0.0.0.0:5555 --keys keys --out runs/wide\n"
         "\n";
}

}  // namespace rl::app
