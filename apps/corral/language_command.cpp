#include "apps/corral/language_command.h"

#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/console.h"
#include "apps/corral/stop_signals.h"
#include "apps/corral/terminal.h"
#include "apps/corral/train_summary.h"
#include "rl/cli/language_command_line.h"
#include "rl/learner/train_language.h"

namespace rl::app {

int run_language(cli::TrainCommand command, const std::vector<std::string>& words) {
  const LanguageTrainOptions options =
      understand([&] { return cli::parse_language_command_line(command, words); });
  const StopSignals& signals = stop_on_signals(
      "stopping after this round, leaving a run that can be resumed; again: at once");
  Console console(options.run.quiet);
  if (options.run.num_workers == 0) console.log(worker_instructions(options.run, host_name()));
  TrainHooks hooks;
  hooks.stop = &signals.count;
  hooks.program = (program_folder() / "corral").string();
  hooks.config_text = cli::language_config_text(options);
  hooks.worker_started = end_with_us;
  hooks.log = [&](const std::string& line) { console.log(line); };
  hooks.progress = [&](const Progress& progress) { console.show(progress); };
  try {
    const TrainSummary summary = train_language(options, hooks);
    console.finish();
    std::fputs(language_summary_text(summary, options.run).c_str(), stdout);
    return summary.end == TrainEnd::interrupted ? kStopped : kDone;
  } catch (...) {
    console.finish();
    throw;
  }
}

}  // namespace rl::app
