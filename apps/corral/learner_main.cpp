// corral-learner: the half of the program that links LibTorch. `corral train`, `corral learner` and
// `corral generate --device cuda` end here.
#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/console.h"
#include "apps/corral/language_command.h"
#include "apps/corral/fine_tune_command.h"
#include "apps/corral/generation.h"
#include "apps/corral/stop_signals.h"
#include "apps/corral/terminal.h"
#include "apps/corral/train_summary.h"
#include "rl/cli/algorithm_choice.h"
#include "rl/cli/train_command_line.h"
#include "rl/cli/train_option_table.h"
#include "rl/learner/device_generators.h"
#include "rl/learner/train.h"

namespace rl::app {
namespace {

int train(cli::TrainCommand command, const std::vector<std::string>& words) {
  const std::string algorithm = understand([&] { return cli::chosen_algorithm(words); });
  if (cli::is_language_algorithm(algorithm)) return run_fine_tune(words);
  if (understand([&] { return cli::is_language_policy(words); })) {
    return run_language(command, words);
  }
  const TrainOptions options =
      understand([&] { return cli::parse_train_command_line(command, words); });
  const StopSignals& signals = stop_on_signals(
      "stopping after this update, leaving a run that can be resumed; again: at once");
  Console console(options.quiet);
  if (options.num_workers == 0) console.log(worker_instructions(options, host_name()));
  TrainHooks hooks;
  hooks.stop = &signals.count;
  hooks.program = (program_folder() / "corral").string();
  hooks.config_text = cli::train_config_text(options);
  hooks.worker_started = end_with_us;
  hooks.log = [&](const std::string& line) { console.log(line); };
  hooks.progress = [&](const Progress& progress) { console.show(progress); };
  try {
    const TrainSummary summary = rl::train(options, builtin_environments(), hooks);
    console.finish();
    std::fputs(summary_text(summary, options).c_str(), stdout);
    return summary.end == TrainEnd::interrupted ? kStopped : kDone;
  } catch (...) {
    console.finish();
    throw;
  }
}

int generate_on_device(const std::vector<std::string>& words) {
  const GenerateOptions options = understand([&] { return parse_generate_options(words); });
  return generate(options, device_generators(options.device, {.graphs = !options.no_graphs}));
}

struct Command {
  const char* name;
  int (*run)(const std::vector<std::string>& words);
};

constexpr Command kCommands[] = {
    {"train", [](const auto& words) { return train(cli::TrainCommand::train, words); }},
    {"learner", [](const auto& words) { return train(cli::TrainCommand::learner, words); }},
    {"generate", generate_on_device},
};

}  // namespace
}  // namespace rl::app

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (const rl::app::Command& command : rl::app::kCommands) {
    if (words.empty() || words[0] != command.name) continue;
    return rl::app::run_reporting("corral " + words[0],
                                  [&] { return command.run({words.begin() + 1, words.end()}); });
  }
  std::fprintf(stderr, "corral-learner: this is a part of corral; run `corral train`\n");
  return rl::app::kWrongUsage;
}
