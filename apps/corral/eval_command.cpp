#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "apps/corral/command.h"
#include "apps/corral/run_files.h"
#include "apps/corral/stop_signals.h"
#include "apps/corral/terminal.h"
#include "apps/corral/text_eval.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/rollout/evaluation.h"

namespace rl::app {
namespace {

constexpr std::uint64_t kEpisodes = 20;

struct Request {
  std::string run{};
  std::string checkpoint = "best";
  std::uint64_t episodes = 0;
  std::uint64_t seed = 1;
  bool greedy = false;
  bool sample = false;
  std::string render = "none";
};

cli::OptionTable request_table(Request& request) {
  cli::OptionTable table;
  table.add({"run", &request.run, "DIR", {}, "the run's folder, as --out of corral train"});
  table.add({"episodes", &request.episodes, "", {.low = 0, .high = 1e6},
             "to play; 0: 20, or every held-out problem of a run on texts"});
  table.add({"checkpoint", &request.checkpoint, "WHICH", {},
             "the best evaluation's weights, or the last", {"best", "last"}});
  table.add({"seed", &request.seed, "", {}, "same seed: same episodes"});
  table.add({"greedy", &request.greedy, "", {}, "the likeliest action (this is the default)"});
  table.add({"sample", &request.sample, "", {}, "actions drawn as in training"});
  table.add({"render", &request.render, "KIND", {}, "show the first episodes as text",
             {"none", "ascii"}});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  const cli::CommandLine line = cli::parse_command_line(table, words, 1);
  table.set_all(line.assignments);
  if (request.run.empty() && !line.arguments.empty()) request.run = line.arguments[0];
  if (request.run.empty()) {
    throw Error({.where = cli::kCommandLine, .what = "no run is named", .expected = "--run DIR"});
  }
  if (request.greedy && request.sample) {
    throw Error({.where = cli::kCommandLine,
                 .what = "--greedy and --sample exclude each other",
                 .remedy = "remove one of them"});
  }
  return request;
}

// Frames one over the other on a terminal, one after the other elsewhere.
void show_frame(bool terminal, const std::string& text, std::size_t episode, double sum) {
  constexpr std::chrono::milliseconds kFrameTime{40};
  const char* before = terminal ? "\x1b[H\x1b[2J" : "";
  const char* after = terminal ? "" : "--------\n";
  std::printf("%s%s%sepisode %zu, return %.6g\n%s", before, text.c_str(),
              text.ends_with('\n') ? "" : "\n", episode + 1, sum, after);
  std::fflush(stdout);
  if (terminal) std::this_thread::sleep_for(kFrameTime);
}

void print_result(const rollout::EvaluationResult& result, const Request& request) {
  const auto [low, high] = std::minmax_element(result.returns.begin(), result.returns.end());
  const auto [shortest, longest] =
      std::minmax_element(result.lengths.begin(), result.lengths.end());
  std::printf("%zu episodes, %s actions, seed %llu\n", result.returns.size(),
              request.sample ? "sampled" : "greedy",
              static_cast<unsigned long long>(request.seed));
  std::printf("return  %.6g ± %.3g (standard error)   least %.6g   most %.6g\n",
              result.mean_return(), result.standard_error(), *low, *high);
  std::printf("length  %.6g steps   shortest %u   longest %u\n", result.mean_length(), *shortest,
              *longest);
}

}  // namespace

int run_eval(const std::vector<std::string>& words) {
  const Request request = understand([&] { return parse(words); });
  const TrainedWeights trained = load_trained_weights(request.run, request.checkpoint);
  if (is_text_run(trained)) {
    if (request.sample) throw UsageError("[command line] runs on texts are evaluated greedily");
    std::printf("weights of %s, version %llu\n", request.run.c_str(),
                static_cast<unsigned long long>(trained.snapshot.version));
    return evaluate_text_run(trained, request.episodes, request.render == "ascii");
  }
  const StopSignals& signals = stop_on_signals("stopping; again: at once");
  const bool terminal = is_terminal(stdout);
  rollout::EvaluationOptions options;
  options.episodes = request.episodes == 0 ? kEpisodes : request.episodes;
  options.seed = request.seed;
  options.mode = request.sample ? ActMode::sample : ActMode::greedy;
  options.stop = &signals.stop;
  if (request.render == "ascii") {
    options.environments = 1;
    options.render = [&](const std::string& text, std::size_t episode, double sum) {
      show_frame(terminal, text, episode, sum);
    };
  }
  std::printf("%s, weights of %s at %s environment steps\n", trained.environment.c_str(),
              request.run.c_str(), trained.environment_steps.c_str());
  const rollout::EvaluationResult result = rollout::evaluate(
      builtin_environments(), trained.environment, trained.snapshot, options);
  if (!result.returns.empty()) print_result(result, request);
  return signals.stop ? kStopped : kDone;
}

std::string eval_help(std::size_t width) {
  Request request;
  return "corral eval: plays episodes with the weights of a run.\n"
         "\n"
         "Usage: corral eval --run DIR [--episodes N] [--NAME VALUE]...\n"
         "\n"
         "How good is the best policy of a run, over 100 episodes?\n"
         "  corral eval --run runs/cartpole --episodes 100\n"
         "\n"
         "Watch the newest weights play three episodes in the terminal:\n"
         "  corral eval --run runs/cartpole --checkpoint last --episodes 3 --render ascii\n"
         "\n"
         "How many held-out problems does a language model answer right, and how?\n"
         "  corral eval --run runs/sums --episodes 100 --render ascii\n"
         "\n" +
         cli::option_help(request_table(request), width);
}

}  // namespace rl::app
