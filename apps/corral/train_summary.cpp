#include "apps/corral/train_summary.h"

#include <cmath>
#include <cstdio>

#include "rl/cli/numbers.h"

namespace rl::app {
namespace {

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.6g", value);
  return buffer;
}

std::string line(const std::string& label, const std::string& text) {
  constexpr std::size_t kLabelWidth = 12;
  return label + std::string(kLabelWidth - label.size(), ' ') + text + "\n";
}

std::string ending(const TrainSummary& summary, const TrainOptions& options) {
  switch (summary.end) {
    case TrainEnd::return_reached:
      return "reached a return of " + number(options.stop_return);
    case TrainEnd::interrupted:
      return "stopped before the end";
    case TrainEnd::steps_reached:
      break;
  }
  return "all steps made";
}

std::string evaluations(const TrainSummary& summary) {
  if (!std::isfinite(summary.last_evaluation)) return "none yet";
  return "last " + number(summary.last_evaluation) + ", best " + number(summary.best_evaluation);
}

std::string updates(const TrainSummary& summary) {
  return cli::group_digits(summary.updates) + " gradient steps, " +
         cli::group_digits(summary.skipped_updates) + " skipped as not finite" +
         (summary.rollbacks == 0 ? ""
                                 : "; went back to a checkpoint " +
                                       cli::group_digits(summary.rollbacks) + " times");
}

std::string disk(const TrainSummary& summary) {
  if (summary.failed_writes == 0) return "";
  return line("disk", cli::group_digits(summary.failed_writes) +
                          " writes failed on the way (see the alarms)");
}

std::string fragments(const TrainSummary& summary) {
  std::string text = cli::group_digits(summary.fragments_received) + " fragments received, " +
                     cli::group_digits(summary.fragments_used) + " used, " +
                     cli::group_digits(summary.fragments_dropped) + " dropped";
  if (!summary.dropped_by_reason.empty()) text += " (" + summary.dropped_by_reason + ")";
  if (summary.worker_restarts > 0) {
    text += "; " + cli::group_digits(summary.worker_restarts) + " workers started again";
  }
  return text;
}

}  // namespace

std::string summary_text(const TrainSummary& summary, const TrainOptions& options) {
  const bool interrupted = summary.end == TrainEnd::interrupted;
  const std::string next = interrupted
                               ? "corral train --resume --out " + summary.out
                               : "corral eval --run " + summary.out + " --episodes 100";
  char wall[32];
  std::snprintf(wall, sizeof(wall), "%.2f", summary.wall_seconds);
  return line("end", ending(summary, options)) +
         line("steps", cli::group_digits(summary.environment_steps) + " in " +
                           cli::group_digits(summary.episodes) + " episodes, " + wall + " s") +
         line("return", evaluations(summary)) + line("updates", updates(summary)) +
         line("experience", fragments(summary)) +
         line("weights", "version " + std::to_string(summary.weight_version) + ", digest " +
                             summary.weights_digest.substr(0, 16)) +
         line("run", summary.out + " (open report.html in it)") + disk(summary) +
         line(interrupted ? "go on with" : "look at it", next);
}

std::string language_summary_text(const TrainSummary& summary, const TrainOptions& options) {
  const bool interrupted = summary.end == TrainEnd::interrupted;
  const std::string next =
      interrupted ? "corral train --resume --out " + summary.out
                  : "corral generate --model " + summary.model + " --prompt TEXT";
  char wall[32];
  std::snprintf(wall, sizeof(wall), "%.2f", summary.wall_seconds);
  return line("end", ending(summary, options)) +
         line("rounds", cli::group_digits(summary.weight_version) + " of " +
                            cli::group_digits(options.total_steps) + ", " +
                            cli::group_digits(summary.episodes) + " texts, " + wall + " s") +
         line("held out", evaluations(summary)) + line("updates", updates(summary)) +
         line("experience", fragments(summary)) +
         line("weights", "digest " + summary.weights_digest.substr(0, 16)) +
         line("run", summary.out + " (open report.html in it; samples.jsonl has completions)") +
         disk(summary) +
         (interrupted ? "" : line("model", summary.model)) +
         line(interrupted ? "go on with" : "look at it", next);
}

std::string worker_instructions(const TrainOptions& options, const std::string& host) {
  std::string url = options.bind;
  for (const char* everywhere : {"://0.0.0.0:", "://*:", "://[::]:"}) {
    const std::size_t found = url.find(everywhere);
    if (found != std::string::npos) {
      url.replace(found, std::string(everywhere).size(), "://" + host + ":");
    }
  }
  std::string command = "corral worker --connect " + url;
  if (!options.keys.empty()) command += " --keys " + options.keys;
  return "start workers with: " + command;
}

}  // namespace rl::app
