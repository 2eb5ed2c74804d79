#include "apps/corral/fine_tune_command.h"

#include <cmath>
#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/console.h"
#include "apps/corral/stop_signals.h"
#include "rl/cli/numbers.h"
#include "rl/cli/fine_tune_command_line.h"
#include "rl/learner/fine_tune.h"

namespace rl::app {
namespace {

std::string number(double value, const char* format = "%.4g") {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

std::string line(const std::string& label, const std::string& text) {
  constexpr std::size_t kLabelWidth = 12;
  return label + std::string(kLabelWidth - label.size(), ' ') + text + "\n";
}

std::string percent(double share) { return number(100.0 * share, "%.1f") + " %"; }

std::string held_out(const FineTuneSummary& summary) {
  if (std::isfinite(summary.held_out.pair_accuracy)) {
    return "loss " + number(summary.held_out.loss) + ", " +
           percent(summary.held_out.pair_accuracy) + " of pairs right, by " +
           number(summary.held_out.reward_margin) + " on average";
  }
  if (!std::isfinite(summary.held_out.loss)) return "no validation data";
  return "loss " + number(summary.held_out.loss) + ", perplexity " +
         number(std::exp(summary.held_out.loss)) + ", " + percent(summary.held_out.token_accuracy) +
         " of tokens right";
}

std::string summary_text(const FineTuneSummary& summary) {
  std::string text =
      line("end", summary.interrupted ? "stopped before the end" : "all steps made") +
      line("steps", cli::group_digits(summary.steps) + " of " +
                        cli::group_digits(summary.total_steps) + ", " +
                        cli::group_digits(summary.skipped_steps) + " skipped as not finite, " +
                        number(summary.wall_seconds, "%.2f") + " s") +
      line("data", summary.data) +
      line("tokens", cli::group_digits(summary.tokens) + " learned from, " +
                         number(summary.tokens_per_second, "%.0f") + " per second") +
      line("loss", number(summary.training_loss) + " in the last step") +
      line("held out", held_out(summary));
  if (summary.held_out.exact_prompts > 0) {
    text += line("exact", percent(summary.held_out.exact_match) + " of " +
                              cli::group_digits(summary.held_out.exact_prompts) +
                              " held-out prompts answered to the letter");
  }
  text += line("weights", "digest " + summary.weights_digest.substr(0, 16));
  text += line("run", summary.out + " (open report.html in it)");
  if (!summary.adapter.empty()) text += line("adapter", summary.adapter);
  if (summary.interrupted) {
    return text + line("go on with", "corral train --resume --out " + summary.out);
  }
  return text + line("model", summary.model);
}

}  // namespace

int run_fine_tune(const std::vector<std::string>& words) {
  const FineTuneOptions options =
      understand([&] { return cli::parse_fine_tune_command_line(words); });
  const StopSignals& signals = stop_on_signals(
      "stopping after this step, leaving a run that can be resumed; again: at once");
  Console console(options.quiet);
  FineTuneHooks hooks;
  hooks.stop = &signals.count;
  hooks.config_text = cli::fine_tune_config_text(options);
  hooks.log = [&](const std::string& text) { console.log(text); };
  hooks.progress = [&](const Progress& progress) { console.show(progress); };
  try {
    const FineTuneSummary summary = fine_tune(options, hooks);
    console.finish();
    std::fputs(summary_text(summary).c_str(), stdout);
    return summary.interrupted ? kStopped : kDone;
  } catch (...) {
    console.finish();
    throw;
  }
}

}  // namespace rl::app
