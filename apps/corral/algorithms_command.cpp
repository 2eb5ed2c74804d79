#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/table.h"
#include "rl/algorithms/registry.h"
#include "rl/cli/command_line.h"

namespace rl::app {

int run_algorithms(const std::vector<std::string>& words) {
  understand([&] { return cli::parse_command_line(cli::OptionTable(), words, 0); });
  Table table({"name", "what it is", "more"});
  for (const auto& rows : {algorithm_descriptions(), language_algorithm_descriptions(),
                           language_policy_descriptions()}) {
    for (const AlgorithmDescription& row : rows) {
      table.add({std::string(row.name), std::string(row.summary), std::string(row.page)});
    }
  }
  std::fputs(table.text().c_str(), stdout);
  return kDone;
}

std::string algorithms_help(std::size_t) {
  return "corral algorithms: the algorithms there are.\n"
         "\n"
         "Usage: corral algorithms\n"
         "\n"
         "Their options with defaults, under PPO and DQN:\n"
         "  corral help train\n"
         "  corral help train --algo sft\n"
         "  corral help train --algo rm\n"
         "  corral help train --algo dpo\n"
         "  corral help train --algo grpo\n"
         "\n"
         "Train with one of them:\n"
         "  corral train --algo dqn --env MountainCar-v0\n";
}

}  // namespace rl::app
